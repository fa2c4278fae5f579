import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { canonicalModuleName, moduleNamesAndAliases } from "../modules/catalogue.ts";
import { insteadOfModule } from "../modules/no-module.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { insteadOf, unknownKeyword } from "./check-keywords.ts";
import type { Entries } from "./entries.ts";
import { textAt } from "./free-form.ts";
import { KEYWORDS, type Place } from "./keywords.ts";
import { present } from "./present.ts";
import { splitWords } from "./split-words.ts";

/** Names that stand where a module stands, and that the loader or the engine act upon. */
const PSEUDO_MODULES = [
  "meta",
  "import_tasks",
  "include_tasks",
  "import_role",
  "include_role",
  "import_playbook",
] as const;

/** Which module a task names, and what stands behind it. */
export interface NamedModule {
  /** As it is written. */
  written: string;
  /** The module's canonical name, or that of a pseudo-module. */
  name: string;
  value: Templated;
  at: SourceRange;
}

/**
 * Finds the one key of a task that is no keyword: its module.
 *
 * @throws DiagnosticsError unknown-module, several-modules, unknown-key
 */
export function findModule(entries: Entries, place: Place): NamedModule {
  const action = ["action", "local_action"].find((key) => entries.value(key) !== undefined);
  const named = action === undefined ? undefined : entries.entry(action);
  if (named !== undefined) {
    const form = actionForm(named);
    if (form.written !== "") return knownModule(form, named.keyAt ?? entries.at);
    throw inputError("missing-key", `\`${named.key}\` names no module`, {
      at: named.value.at ?? entries.at,
      expected: `${named.key}: {module: NAME, PARAMETER: VALUE}, or a line: MODULE PARAMETER=VALUE`,
    });
  }
  const candidates = entries.keys.filter((key) => !KEYWORDS[place].includes(key));
  const known = candidates.filter((key) => canonicalName(key) !== undefined);
  const [first, second] = known;
  if (first !== undefined && second !== undefined) {
    throw inputError("several-modules", `a task has one module, and this has \`${known.join("` and `")}\``, {
      at: entries.keyPosition(second),
      hint: "make two tasks of it",
    });
  }
  const written = first ?? candidates.find((key) => insteadOf(key) === undefined);
  if (written === undefined) throw noModule(entries, candidates, place);
  const value = entries.entry(written)?.value ?? { kind: "literal", value: null };
  return knownModule({ written, value }, entries.keyPosition(written));
}

/** The canonical name of a module or pseudo-module; undefined when nothing has that name. */
export function canonicalName(written: string): string | undefined {
  const bare = written.replace(/^ansible\.(builtin|legacy)\./, "");
  return PSEUDO_MODULES.find((name) => name === bare) ?? canonicalModuleName(bare);
}

function noModule(entries: Entries, candidates: readonly string[], place: Place): DiagnosticsError {
  if (candidates.length > 0) {
    return new DiagnosticsError(
      candidates.map((key) => ({ severity: "error", ...unknownKeyword(key, entries, place) })),
    );
  }
  return inputError("unknown-module", "this task names no module", {
    at: entries.at,
    expected: "a key such as `package:` or `copy:`",
  });
}

function knownModule(
  { written, value }: { written: string; value: Templated },
  at: SourceRange,
): NamedModule {
  const name = canonicalName(written);
  if (name !== undefined) return { written, name, value, at };
  const bare = written.replace(/^.*\./, "");
  const instead = insteadOfModule(bare);
  if (instead !== undefined)
    throw inputError("unknown-module", `there is no module \`${written}\``, { at, hint: instead });
  const meant = didYouMean(bare, [...moduleNamesAndAliases(), ...PSEUDO_MODULES, ...KEYWORDS.task]);
  throw inputError("unknown-module", `there is no module \`${written}\``, {
    at,
    hint: meant === undefined ? "plumb doc lists the modules" : `did you mean \`${meant}\`?`,
  });
}

/** `action: module key=value`, and `action: {module: …}`. */
function actionForm({ value }: TemplatedEntry): { written: string; value: Templated } {
  if (value.kind === "map") {
    const module = value.entries.find(({ key }) => key === "module")?.value;
    const written = module?.kind === "literal" ? String(module.value) : "";
    return { written, value: { ...value, entries: value.entries.filter(({ key }) => key !== "module") } };
  }
  const text =
    value.kind === "literal" ? String(value.value) : value.kind === "text" ? value.template.source : "";
  const [module] = splitWords(text);
  const rest = text.slice(module?.end ?? 0).trim();
  return {
    written: module?.text ?? "",
    value:
      rest === "" ? { kind: "literal", value: null, ...present("at", value.at) } : textAt(rest, value.at),
  };
}
