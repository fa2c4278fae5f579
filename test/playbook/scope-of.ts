import { createScope } from "../../src/variables/host-scope.ts";
import type { Scope } from "../../src/variables/scope.ts";
import { parseVariables } from "../../src/variables/variables-file.ts";

/** A scope with the variables of a YAML text, which stands in vars.yml. */
export function scopeOf(yaml: string): Scope {
  return createScope({ layers: [{ level: "test", variables: parseVariables(yaml, "vars.yml") }] });
}
