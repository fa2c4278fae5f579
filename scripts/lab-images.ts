import { buildImages } from "../src/lab/lab.ts";

/** Builds the images of the lab's hosts where they are missing; without the project's packages, so that it can be done while those are being installed. */
await buildImages(["bookworm", "trixie"], (line) => process.stderr.write(`lab: ${line}\n`));
