import { evaluate } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { Templated } from "../variables/templated.ts";

/** Whether a keyword that is true or false is true here; one that is not given is not. */
export function isOn(flag: Templated | undefined, scope: Scope): boolean {
  return flag !== undefined && evaluate(flag, scope) === true;
}
