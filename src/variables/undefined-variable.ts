import { type DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { functionsByName } from "./functions/library.ts";
import { insteadOfName } from "./names-not-here.ts";
import type { Scope } from "./scope.ts";

/** The error for a name that no level defines, with the name that was probably meant. */
export function undefinedVariable(name: string, scope: Scope, at: SourceRange | undefined): DiagnosticsError {
  const root = name.split(/[.[]/)[0] ?? name;
  const isRoot = scope.lookup(root) === undefined;
  const instead = isRoot || root === "ansible_facts" ? insteadOfName(name) : undefined;
  const meant = isRoot ? didYouMean(root, scope.names()) : undefined;
  return inputError(
    "undefined-variable",
    `\`${name}\` is not defined${isRoot ? "" : `: \`${root}\` is, but has no such key`}`,
    {
      ...(at === undefined ? {} : { at }),
      hint:
        instead !== undefined
          ? `Ansible has it, and Plumb has not: ${instead}`
          : functionsByName.has(root)
            ? `\`${root}\` is a function, and is given something: {{ ${root} … }}, or ${root}(…) in an expression`
            : meant === undefined
              ? `define it, or say what to take without it: {{ default ${root} "value" }}, or default(${root}, "value") in an expression`
              : `did you mean \`${meant}\`?`,
    },
  );
}
