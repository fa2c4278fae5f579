import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable, VariableLayer } from "./sourced.ts";
import type { Value } from "./value.ts";
import type { Keyring } from "./vault/keyring.ts";

/**
 * The variables that a template or an expression sees: of one host, in one task, for one loop item. Values are rendered when they are
 * asked for, and rendered once.
 */
export interface Scope {
  /** What opens vaulted files, and hides what is made of secrets. */
  readonly keyring: Keyring | undefined;
  /**
   * The value of a variable, rendered through and through.
   *
   * @returns undefined when no level defines it.
   * @throws DiagnosticsError when its own value can't be rendered, or refers to itself; PendingVariable when it is not known yet.
   */
  lookup(name: string): Value | undefined;
  /** All names that are defined, for "did you mean". */
  names(): Iterable<string>;
  /** Where a variable, or the part of it that `path` leads to, was written, if it was written anywhere: of the last step the value, or its key. */
  sourceOf(name: string, path?: readonly string[], ofKey?: boolean): SourceRange | undefined;
  /** Every level that sets a variable, the one that wins first. */
  definitionsOf(name: string): readonly Definition[];
  /** The same with a layer on top, such as the item of a loop: other variables may be made of what is in it. */
  extended(layer: VariableLayer): Scope;
}

/** A variable on one of the levels that set it. */
export interface Definition {
  /** Ansible's name for the level. */
  level: string;
  variable: SourcedVariable;
}

/** Asked for a variable that only a task yet to run will set: the caller asks again after it has run. */
export class PendingVariable extends Error {
  readonly variable: string;

  constructor(variable: string) {
    super(`the variable \`${variable}\` is set by a task that has not run yet`);
    this.name = "PendingVariable";
    this.variable = variable;
  }
}

/** Asked for a variable of another host that has not come as far as this one: it may set it on the way. */
export class PendingOnHost extends PendingVariable {
  constructor(host: string, variable: string) {
    super(`hostvars['${host}'].${variable}`);
    this.name = "PendingOnHost";
  }
}
