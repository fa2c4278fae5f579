import path from "node:path";
import { inputError } from "../diagnostics/diagnostic.ts";
import type { Entries } from "./entries.ts";
import type { NamedModule } from "./find-module.ts";
import { appliedKeywords, inclusionParameters, loadInclusion } from "./include.ts";
import { type LoadContext, loadFile, shownPath } from "./load-context.ts";
import { otherFile } from "./other-file.ts";
import type { Node } from "./playbook.ts";
import { present } from "./present.ts";
import { isA } from "./role-files.ts";

/**
 * `import_tasks` and `include_tasks`.
 *
 * @throws DiagnosticsError file-not-found, include-cycle
 */
export async function loadTaskFile(
  context: LoadContext,
  entries: Entries,
  named: NamedModule,
): Promise<Node[]> {
  const parameters = inclusionParameters(entries, named, "file", ["file", "apply"]);
  const target = parameters.value("file");
  if (target === undefined) {
    throw inputError("missing-key", `\`${named.written}\` needs the name of a file`, {
      at: parameters.entry("file")?.keyAt ?? named.at,
    });
  }
  return loadInclusion(context, {
    entries,
    named,
    target,
    apply: appliedKeywords(parameters),
    find: (name) => findTaskFile(context, name, parameters.positionOf("file")),
    load: async (inner, file) => {
      const shown = shownPath(file);
      const list = await loadFile(inner.state, file);
      return inner.state.loadNodes({ ...inner, file: shown, way: [...inner.way, file] }, list, shown);
    },
  });
}

/** Beside the file that names it, then in the role's tasks, then beside the playbook (Ansible's order). */
async function findTaskFile(context: LoadContext, written: string, at: NamedModule["at"]): Promise<string> {
  const folders = [
    path.dirname(path.resolve(context.file)),
    ...(context.role === undefined ? [] : [path.join(context.role.path, "tasks"), context.role.path]),
    context.state.playbookFolder,
  ];
  const candidates = [...new Set(folders.map((folder) => path.resolve(folder, written)))];
  for (const candidate of candidates) {
    if (isA("file", candidate)) return candidate;
  }
  throw inputError("file-not-found", `there is no file of tasks \`${written}\``, {
    at,
    expected: `one of: ${candidates.map(shownPath).join(", ")}`,
    ...present(
      "hint",
      await otherFile(
        written,
        candidates.map((candidate) => path.dirname(candidate)),
      ),
    ),
  });
}
