import type { Scope } from "./scope.ts";
import { compileTemplate } from "./text-template.ts";
import { textOf } from "./written-value.ts";

/**
 * Renders a template file. Its final newline stays as it is.
 *
 * @throws DiagnosticsError with positions in the file; PendingVariable.
 */
export function renderTemplateFile(text: string, file: string, scope: Scope): string {
  const template = compileTemplate(text, (line, column) => ({ file, line, column: column + 1 }));
  return textOf(template.evaluate(scope));
}
