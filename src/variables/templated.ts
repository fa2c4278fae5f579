import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { Scope } from "./scope.ts";
import type { Value } from "./value.ts";

/**
 * A value as it stands in YAML: text in it may be a template, and `!expr` makes an expression of it. Compiled once when the file is loaded,
 * evaluated for each host and item.
 */
export type Templated =
  | { kind: "literal"; value: Value; at?: SourceRange }
  | { kind: "text"; template: TextTemplate; at?: SourceRange }
  | { kind: "expression"; expression: Expression; at?: SourceRange }
  | { kind: "list"; items: readonly Templated[]; at?: SourceRange }
  | { kind: "map"; entries: readonly TemplatedEntry[]; at?: SourceRange };

export interface TemplatedEntry {
  key: string;
  keyAt?: SourceRange;
  value: Templated;
}

/** A compiled Handlebars template. */
export interface TextTemplate {
  readonly source: string;
  /** Names of the variables it may read: a superset, so that they can be made ready before it runs. */
  readonly names: readonly string[];
  /** It is no template but a value in Ansible's vault: `source` is the vaulted text. */
  readonly vaulted?: boolean;
  /**
   * The rendered text; a template that is nothing but one expression gives the value with its type.
   *
   * @throws DiagnosticsError for an undefined variable; PendingVariable for one that is not known yet.
   */
  evaluate(scope: Scope): Value;
}

/** A compiled CEL expression. */
export interface Expression {
  readonly source: string;
  readonly names: readonly string[];
  /** @throws DiagnosticsError, with a caret, when it can't be evaluated; PendingVariable. */
  evaluate(scope: Scope): Value;
}
