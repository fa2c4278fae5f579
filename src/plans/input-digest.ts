import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Playbook } from "../playbook/playbook.ts";
import { digestOf } from "./digest.ts";
import type { DigestedParts } from "./plan.ts";

/** What stands beside a playbook or an inventory and belongs to it. */
const BESIDE_PLAYBOOK = [
  "group_vars",
  "host_vars",
  "vars",
  "tasks",
  "handlers",
  "templates",
  "files",
  "library",
  "modules",
];
const BESIDE_PLAYBOOKS_FOLDER = ["templates", "files", "vars"];
const BESIDE_INVENTORY = ["group_vars", "host_vars"];
const NOT_READ = new Set([".git", "node_modules", ".plumb"]);

/**
 * Digests of every file that a run may read on the controller: playbooks, roles and what stands beside them, inventories, files of variables. Files that tasks name
 * by paths elsewhere are not among them: what they come to shows in the differences.
 */
export function digestInputs(
  salt: string,
  input: { playbooks: readonly Playbook[]; inventory: readonly string[]; variableFiles: readonly string[] },
): DigestedParts {
  const places = new Set<string>(input.variableFiles);
  for (const { file, plays } of input.playbooks) {
    places.add(file);
    for (const name of BESIDE_PLAYBOOK) places.add(path.join(path.dirname(file), name));
    for (const play of plays) {
      places.add(play.at.file);
      for (const role of play.roles) places.add(role.path);
    }
    places.add(path.join(path.dirname(file), "roles"));
    for (const name of BESIDE_PLAYBOOKS_FOLDER) places.add(path.join(path.dirname(file), "..", name));
  }
  for (const source of input.inventory.filter((one) => existsSync(one))) {
    places.add(source);
    const folder = statSync(source).isDirectory() ? source : path.dirname(source);
    for (const name of BESIDE_INVENTORY) places.add(path.join(folder, name));
  }
  const digests: Record<string, string> = {};
  for (const place of places) {
    for (const file of filesUnder(path.resolve(place)))
      digests[path.relative(process.cwd(), file)] = digestOf(salt, readFileSync(file));
  }
  return digests;
}

function filesUnder(place: string): string[] {
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return found.isFile() ? [place] : [];
  return readdirSync(place)
    .filter((name) => !NOT_READ.has(name))
    .flatMap((name) => filesUnder(path.join(place, name)));
}
