import { inputError } from "../diagnostics/diagnostic.ts";
import type { Entries } from "./entries.ts";
import type { NamedModule } from "./find-module.ts";
import { appliedKeywords, inclusionParameters, loadInclusion } from "./include.ts";
import type { LoadContext } from "./load-context.ts";
import { loadRole } from "./load-role.ts";
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
      at: named.at,
      hint: "it names the role",
    });
  }
  const at = target.at ?? named.at;
  const tasksFrom = parameters.text("tasks_from");
  const mayRepeat = parameters.boolean("allow_duplicates") ?? true;
  const isValidated = parameters.boolean("rolespec_validate") ?? true;
  const isPublic = parameters.boolean("public") ?? named.name === "import_role";
  return loadInclusion(context, {
    entries,
    named,
    target,
    apply: appliedKeywords(parameters),
    find: async (name) => roleStep(findRole(context, name, at), tasksFrom),
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
        ...present("varsFrom", parameters.text("vars_from")),
        ...present("defaultsFrom", parameters.text("defaults_from")),
        ...present("handlersFrom", parameters.text("handlers_from")),
      });
    },
  });
}
