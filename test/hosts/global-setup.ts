import type { TestProject } from "vitest/node";
import { labDown, labReset, labUp } from "../../src/lab/lab.ts";
import type { LabHostSpec } from "../../src/lab/plan.ts";

/** Another name lets two suites run beside each other on one machine. */
const LAB = process.env["PLUMB_TEST_LAB"] ?? "test";
/** Shared by all files: two releases for the modules, the four of the main job, and a second database server and a monitoring host. */
const HOSTS: readonly LabHostSpec[] = [
  { name: "bookworm1", release: "bookworm" },
  { name: "trixie1", release: "trixie" },
  { name: "db1", release: "bookworm" },
  { name: "pool1", release: "bookworm" },
  { name: "pool2", release: "trixie" },
  { name: "app1", release: "bookworm" },
  { name: "db2", release: "bookworm" },
  { name: "mon1", release: "trixie" },
];

declare module "vitest" {
  interface ProvidedContext {
    lab: {
      name: string;
      keyFile: string;
      knownHostsFile: string;
      hosts: { name: string; address: string; release: string }[];
    };
  }
}

/** Fresh hosts for the whole suite; they are taken down at its end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = await labUp(LAB, HOSTS, (line) => process.stderr.write(`lab: ${line}\n`));
  await labReset(
    LAB,
    running.hosts.map(({ name }) => name),
  );
  project.provide("lab", {
    name: LAB,
    keyFile: running.keyFile,
    knownHostsFile: running.knownHostsFile,
    hosts: running.hosts.map(({ name, address, release }) => ({ name, address, release })),
  });
  return () => labDown(LAB);
}
