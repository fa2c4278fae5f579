import { inject } from "vitest";
import { labUp } from "../../src/lab/lab.ts";
import { takeTurn } from "../take-turn.ts";
import { hostsOf } from "./lab-kinds.ts";

/** The lab that a file of tests has to itself until its end, because a host has one lock: whichever of its project's is free first. */
export const lab: {
  name: string;
  keyFile: string;
  knownHostsFile: string;
  hosts: readonly { name: string; address: string; release: string }[];
} = await taken();

async function taken(): Promise<typeof lab> {
  const { kind, names } = inject("labs");
  return labUp(await takeTurn(...names), hostsOf(kind));
}
