import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated } from "../variables/templated.ts";
import { insteadOf } from "./check-keywords.ts";
import { localConnection } from "./connection-keywords.ts";
import { describeTemplated, Entries } from "./entries.ts";
import { inherit } from "./inherit.ts";
import { KEYWORDS } from "./keywords.ts";
import { type LoadContext, loadFile, shownPath, startOf } from "./load-context.ts";
import { loadRole, type RoleUse, refuseCycle } from "./load-role.ts";
import type { Node } from "./playbook.ts";
import { findRole, roleFile } from "./role-files.ts";
import { badVariableName, isVariableName } from "./variable-name.ts";
import { writtenText } from "./written-text.ts";

const NOTHING: ReadonlyMap<string, SourcedVariable> = new Map();

/**
 * Loads an entry of `roles:` or of a role's dependencies: a name, or a mapping with `role:` and parameters. The same role with the same parameters is
 * loaded once a play, unless its meta/main.yml says `allow_duplicates: true`.
 *
 * @throws DiagnosticsError
 */
export async function loadRoleEntry(context: LoadContext, item: Templated): Promise<Node[]> {
  const at = item.at ?? startOf(context.file);
  if (item.kind === "literal" && typeof item.value === "string") {
    const use = {
      name: item.value,
      at,
      parameters: NOTHING,
      variables: NOTHING,
      public: true,
    };
    return loadOnce(context, use, "{}");
  }
  const entries = new Entries(item, "a role's entry", at, context.state.problems);
  entries.wording("name");
  const written = entries.value("role") ?? entries.value("name");
  if (written === undefined)
    throw inputError("missing-key", "this entry names no role", { at: entries.at, expected: "role: NAME" });
  if (written.kind !== "literal")
    throw inputError("wrong-type", `a role is named by text, not by ${describeTemplated(written)}`, {
      at: written.at ?? entries.at,
      hint: "where only the host tells which role, write `include_role:` among the tasks",
    });
  const use: RoleUse = {
    name: String(written.value),
    at: written.at ?? entries.at,
    parameters: parametersOf(entries),
    variables: entries.variables("vars"),
    public: true,
  };
  // `vars` of a role's entry are the role's, not those of the tasks around.
  const { variables } = context.inherited;
  const inherited = { ...localConnection(entries, inherit(context.inherited, entries)), variables };
  const rest = item.kind === "map" ? item.entries.filter(({ value }) => value !== written) : [];
  const nodes = await loadOnce({ ...context, inherited }, use, writtenText({ kind: "map", entries: rest }));
  suspectKeywords(context, entries, use);
  return nodes;
}

/** What is no keyword in a role's entry is a variable for it. */
function parametersOf(entries: Entries): Map<string, SourcedVariable> {
  const parameters = new Map<string, SourcedVariable>();
  for (const key of entries.keys.filter((one) => !KEYWORDS.role.includes(one))) {
    const value = entries.entry(key)?.value;
    const at = entries.keyPosition(key);
    const instead = insteadOf(key);
    if (instead !== undefined) {
      entries.note({
        code: "unknown-key",
        message: `\`${key}\` is said differently here`,
        at,
        hint: instead,
      });
    } else if (!isVariableName(key)) {
      entries.note(badVariableName(key, at));
    }
    if (value !== undefined) parameters.set(key, { value, at });
  }
  return parameters;
}

/** A parameter that the role does not know, and that is nearly a keyword, is a misspelt keyword. */
function suspectKeywords(context: LoadContext, entries: Entries, use: RoleUse): void {
  const role = context.roles.findLast(({ parameters }) => parameters === use.parameters);
  if (role === undefined) return;
  for (const key of use.parameters.keys()) {
    const isKnown = role.defaults.has(key) || role.variables.has(key) || role.specification?.options.has(key);
    const meant = didYouMean(key, KEYWORDS.role);
    if (isKnown === true || meant === undefined) continue;
    entries.note({
      code: "unknown-key",
      message: `\`${key}\` is no keyword, and the role \`${role.name}\` has no such variable`,
      at: entries.keyPosition(key),
      hint: `did you mean \`${meant}\`? Another variable goes under \`vars:\``,
    });
  }
}

async function loadOnce(context: LoadContext, use: RoleUse, written: string): Promise<Node[]> {
  const folder = findRole(context, use.name, use.at);
  refuseCycle(context, folder, use);
  const key = `${folder}\0${written}`;
  if (context.rolesLoaded.has(key) && !(await allowsDuplicates(context, folder))) return [];
  context.rolesLoaded.add(key);
  return loadRole(context, use);
}

async function allowsDuplicates({ state }: LoadContext, folder: string): Promise<boolean> {
  const file = roleFile(folder, "meta", "main");
  if (file === undefined) return false;
  const content = await loadFile(state, file);
  if (content.kind !== "map") return false;
  const meta = new Entries(content, "meta/main.yml", startOf(shownPath(file)), state.problems);
  return meta.boolean("allow_duplicates") ?? false;
}
