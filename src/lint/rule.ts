import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { LintTree } from "./tree.ts";

/** A note is no fault: it says how far lint could look. */
export type Severity = "error" | "warning" | "note";

/** Something that a rule, or the loader, found. */
export interface Finding {
  /** The rule's name; of what the loader found, the diagnostic's code. */
  rule: string;
  severity: Severity;
  /** One sentence: what is wrong. */
  message: string;
  at: SourceRange;
  /** What would have been right. */
  expected?: string;
  /** What to do next. */
  hint?: string;
  /** A secret stands there: the line is not shown. */
  isSecret?: true;
}

/** What a rule says of a place; name and severity are the rule's, unless it says otherwise. */
export type RuleFinding = Omit<Finding, "rule" | "severity"> & { severity?: Severity };

/** One thing that lint looks for. Rules see the whole tree, so that they can look from one file into others. */
export interface Rule {
  name: string;
  severity: Severity;
  /** One line, for lists. */
  summary: string;
  /** Why it matters and what to do, for docs/lint.md. */
  why: string;
  /** Files of a tree that the rule complains of, and of one that it does not: path to text. Tests lint both, the documentation shows them. */
  bad: Readonly<Record<string, string>>;
  good: Readonly<Record<string, string>>;
  check(tree: LintTree): readonly RuleFinding[] | Promise<readonly RuleFinding[]>;
}
