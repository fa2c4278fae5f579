import type { TestProject } from "vitest/node";
import { labDown, labUp } from "../../src/lab/lab.ts";
import { forgetTurns } from "../take-turn.ts";
import { hostsOf, type Kind } from "./lab-kinds.ts";

/** Another name lets two suites run beside each other on one machine. */
const LAB = process.env["PLUMB_TEST_LAB"] ?? "test";

/** Files of a project that run at once, each with hosts of its own. */
const LABS = 2;

declare module "vitest" {
  interface ProvidedContext {
    labs: { kind: Kind; names: string[] };
  }
}

/** The labs of a project: fresh hosts, which are taken down at its end. The first is brought up here, and with it what all labs need; another by the file that takes it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kind: Kind = project.name === "hosts-fleet" ? "fleet" : "single";
  const names = Array.from({ length: LABS }, (_, index) => `${LAB}-${kind}-${index + 1}`);
  const down = async (): Promise<void> => {
    for (const name of names) await labDown(name);
  };
  // Of a run that was killed.
  await down();
  forgetTurns(...names);
  const [first = ""] = names;
  await labUp(first, hostsOf(kind), (line) => process.stderr.write(`lab: ${line}\n`), true);
  project.provide("labs", { kind, names });
  return down;
}
