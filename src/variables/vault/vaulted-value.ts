import type { SourceRange } from "../../diagnostics/diagnostic.ts";
import type { Templated } from "../templated.ts";
import type { Value } from "../value.ts";
import type { Keyring } from "./keyring.ts";

/** How Ansible writes a vaulted value in JSON, and how its inventories print one. */
export const VAULT_KEY = "__ansible_vault";

/**
 * A value that is vaulted by itself. It is opened when somebody asks for it, and once: opening takes milliseconds, and a password that no task of a run
 * needs need not be known. What comes out is text, and never taken for a template.
 */
export function vaultedValue(vaulted: string, at: SourceRange, keyring: Keyring): Templated {
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
