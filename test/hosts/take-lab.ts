import { beforeAll, inject } from "vitest";
import { labUp } from "../../src/lab/lab.ts";
import { takeTurn } from "../take-turn.ts";
import { lab } from "./lab.ts";
import { hostsOf } from "./lab-kinds.ts";
import { endConnections } from "./shared-connection.ts";

// Whichever of its project's labs is free first. The modules that a process has loaded stay for its next file, which may get another lab.
const { kind, names } = inject("labs");
Object.assign(lab, await labUp(await takeTurn(...names), hostsOf(kind), undefined, true));

// Behind what `as-found.ts` looks at in the end.
beforeAll(() => () => endConnections(lab.hosts.map(({ name }) => name)));
