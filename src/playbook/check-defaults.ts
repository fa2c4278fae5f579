import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { loadModule } from "../modules/catalogue.ts";
import type { TemplatedEntry } from "../variables/templated.ts";
import { checkDefaults, parameterOfNone } from "./check-parameters.ts";
import { leavesOf } from "./leaves.ts";
import type { InheritedKeywords, Play } from "./playbook.ts";

/** What is wrong with the parameters in `module_defaults`: also with those of modules that no task uses. */
export async function defaultsProblems(plays: readonly Play[]): Promise<Diagnostic[]> {
  const problems: Diagnostic[] = [];
  for (const play of plays) {
    for (const [parameters, names] of defaultsOf(play)) {
      const modules = await Promise.all([...names].map(loadModule));
      const [first, ...others] = modules.map((module) => ({
        module,
        task: { module: module.name, parameters, at: play.at },
      }));
      if (first === undefined) continue;
      problems.push(...(others.length === 0 ? checkDefaults(first) : parameterOfNone([first, ...others])));
    }
  }
  return problems;
}

/** The parameters as they are written, and for which modules: those of a group are for several. */
function defaultsOf({ keywords, sections, handlers }: Play): Map<readonly TemplatedEntry[], Set<string>> {
  const leaves = leavesOf([...sections.flatMap(({ nodes }) => nodes), ...handlers]);
  const all = new Set<InheritedKeywords["moduleDefaults"]>([keywords.moduleDefaults]);
  for (const leaf of leaves) all.add((leaf.kind === "include" ? leaf.task : leaf).keywords.moduleDefaults);
  const defaults = new Map<readonly TemplatedEntry[], Set<string>>();
  for (const [name, parameters] of [...all].flatMap((one) => [...one]))
    defaults.set(parameters, (defaults.get(parameters) ?? new Set()).add(name));
  return defaults;
}
