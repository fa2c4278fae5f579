import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { Templated } from "./templated.ts";

/** A variable as somebody wrote it: its value, not yet rendered, and where it stands. */
export interface SourcedVariable {
  value: Templated;
  /** Absent for what Plumb itself sets (magic variables, registered results, facts). */
  at?: SourceRange;
}

/** Variables of one level of precedence, from one place. */
export type VariableLayer = {
  /** Ansible's name for the level, such as "inventory group_vars/all", "role defaults", "extra vars". */
  level: string;
  variables: ReadonlyMap<string, SourcedVariable>;
};
