import { inputError } from "../diagnostics/diagnostic.ts";
import type { Entries } from "./entries.ts";
import type { NamedModule } from "./find-module.ts";
import { appliedKeywords, inclusionParameters, loadInclusion } from "./include.ts";
import type { LoadContext } from "./load-context.ts";
import { loadRole, type RolePart } from "./load-role.ts";
import type { Node } from "./playbook.ts";
import { present } from "./present.ts";
import { findRole, roleStep } from "./role-files.ts";

const PARAMETERS = [
  "name",
  "role",
  "tasks_from",
  "vars_from",
  "defaults_from",
  "handlers_from",
  "apply",
  "allow_duplicates",
  "public",
  "rolespec_validate",
];

/**
 * `import_role` and `include_role`.
 *
 * @throws DiagnosticsError unknown-role, include-cycle
 */
export async function loadRoleUse(
  context: LoadContext,
  entries: Entries,
  named: NamedModule,
): Promise<Node[]> {
  const parameters = inclusionParameters(entries, named, "name", PARAMETERS);
  const target = parameters.value("name") ?? parameters.value("role");
  if (target === undefined) {
    throw inputError("missing-key", `\`${named.written}\` needs the parameter \`name\``, {
      at: (parameters.entry("name") ?? parameters.entry("role"))?.keyAt ?? named.at,
      hint: "it names the role",
    });
  }
  const at = target.at ?? named.at;
  const fileOf = (key: string): RolePart | undefined => {
    const name = parameters.text(key);
    if (name === "") return parameters.wrong(key, "the name of a file of the role");
    return name === undefined ? undefined : { name, at: parameters.positionOf(key) };
  };
  const tasksFrom = fileOf("tasks_from");
  const varsFrom = fileOf("vars_from");
  const defaultsFrom = fileOf("defaults_from");
  const handlersFrom = fileOf("handlers_from");
  const mayRepeat = parameters.boolean("allow_duplicates") ?? true;
  const isValidated = parameters.boolean("rolespec_validate") ?? true;
  const isPublic = parameters.boolean("public") ?? named.name === "import_role";
  return loadInclusion(context, {
    entries,
    named,
    target,
    apply: appliedKeywords(parameters),
    find: async (name) => roleStep(findRole(context, name, at), tasksFrom?.name),
    load: async (inner, found) => {
      const folder = found.slice(0, found.lastIndexOf("#"));
      if (!mayRepeat && inner.roleFolders.has(folder)) return [];
      return loadRole(inner, {
        name: folder,
        at,
        parameters: new Map(),
        variables: new Map(),
        public: isPublic,
        validated: isValidated,
        ...present("tasksFrom", tasksFrom),
        ...present("varsFrom", varsFrom),
        ...present("defaultsFrom", defaultsFrom),
        ...present("handlersFrom", handlersFrom),
      });
    },
  });
}
