import type { Situation } from "../../src/modules/module.ts";
import type { PathState } from "../../src/queries/path-state.ts";

/** A run in earnest, in which nothing has happened yet. */
export const SITUATION: Situation = {
  checkMode: false,
  diffMode: false,
  changesPending: false,
  changesPendingAnywhere: false,
  runId: "test",
  facts: {},
  factsSoFar: undefined,
  afterSteps: false,
};

export const NOTHING: PathState = { type: "absent" };

/** What a host says of a file of root's with this text. */
export const fileWith = (text: string): Exclude<PathState, { type: "absent" }> => ({
  type: "file",
  mode: "0644",
  owner: "root",
  group: "root",
  uid: 0,
  gid: 0,
  sizeBytes: text.length,
  modifiedSeconds: 0,
  accessedSeconds: 0,
  changedSeconds: 0,
  inode: 1,
  device: 1,
  links: 1,
  sha256: "other",
  content: Buffer.from(text),
});
