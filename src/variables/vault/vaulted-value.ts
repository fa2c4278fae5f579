import { DiagnosticsError, type SourceRange } from "../../diagnostics/diagnostic.ts";
import type { Scope } from "../scope.ts";
import type { Templated } from "../templated.ts";
import type { Value } from "../value.ts";
import type { Keyring } from "./keyring.ts";

/** How Ansible writes a vaulted value in JSON, and how its inventories print one. */
export const VAULT_KEY = "__ansible_vault";

/**
 * A value that is vaulted by itself. That it is whole is seen at once. It is opened when somebody asks for it, and once: opening takes milliseconds, and a password that no task of a run
 * needs need not be known. What comes out is text, and never taken for a template.
 */
export function vaultedValue(vaulted: string, at: SourceRange, keyring: Keyring): Templated {
  keyring.check(vaulted, "this value", at);
  let opened: string | undefined;
  const evaluate = (): Value => {
    if (opened === undefined) {
      opened = keyring.decrypt(vaulted, "this value", at).toString();
      keyring.hide(opened);
    }
    return opened;
  };
  return { kind: "text", template: { source: vaulted, names: [], vaulted: true, evaluate }, at };
}

/** Opens all that is vaulted in a value and can be opened, so that it is hidden even where nobody asks for it. */
export function openAll(value: Templated, scope: Scope): void {
  if (value.kind === "list") for (const item of value.items) openAll(item, scope);
  else if (value.kind === "map") for (const entry of value.entries) openAll(entry.value, scope);
  else if (value.kind === "text" && value.template.vaulted === true) {
    try {
      value.template.evaluate(scope);
    } catch (error) {
      // What none of the passwords opens can't be told either.
      if (!(error instanceof DiagnosticsError)) throw error;
    }
  }
}
