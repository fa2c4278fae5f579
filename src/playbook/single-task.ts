import path from "node:path";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value } from "../variables/value.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import { Entries } from "./entries.ts";
import { collecting, type LoadState, NOTHING_INHERITED, startOf } from "./load-context.ts";
import { loadNodes } from "./load-nodes.ts";
import { loadPlay } from "./load-play.ts";
import { loadRoleEntry } from "./load-role-entry.ts";
import type { Playbook } from "./playbook.ts";

/**
 * A playbook that nobody wrote: one task on some hosts, each at its own pace.
 *
 * @param command what places in messages are called, such as "plumb rollback".
 * @throws DiagnosticsError when the parameters are wrong.
 */
export async function singleTask(
  command: string,
  {
    hosts,
    name,
    module,
    parameters,
  }: { hosts: string; name: string; module: string; parameters: Readonly<Record<string, Value>> },
): Promise<Playbook> {
  const at = startOf(command);
  const literal = (value: Value): Templated => ({ kind: "literal", value, at });
  const map = (values: Readonly<Record<string, Templated>>): Templated => ({
    kind: "map",
    at,
    entries: Object.entries(values).map(([key, value]) => ({ key, keyAt: at, value })),
  });
  const given = Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, literal(value)]));
  const play = map({
    hosts: literal(hosts),
    gather_facts: literal(false),
    strategy: literal("free"),
    tasks: { kind: "list", at, items: [map({ name: literal(name), [module]: map(given) })] },
  });
  const state: LoadState = {
    problems: [],
    modules: new Map(),
    files: new Map(),
    loadNodes,
    loadRoleEntry,
    rolePaths: [],
    playbookFolder: process.cwd(),
    keyring: new Keyring(),
  };
  const loaded = await collecting(state, () =>
    loadPlay(state, command, new Entries(play, "a play", at, state.problems), NOTHING_INHERITED),
  );
  if (loaded === undefined || state.problems.length > 0) throw new DiagnosticsError(state.problems);
  return { file: path.resolve(command), plays: [loaded], warnings: [] };
}
