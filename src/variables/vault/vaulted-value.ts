import type { SourceRange } from "../../diagnostics/diagnostic.ts";
import type { Templated } from "../templated.ts";
import { isValueMap, type Value } from "../value.ts";
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

/** A value from JSON; what is vaulted in it is opened when somebody asks for it. */
export function fromJson(value: Value, at: SourceRange, keyring: Keyring): Templated {
  if (!JSON.stringify(value).includes(VAULT_KEY)) return { kind: "literal", value };
  if (Array.isArray(value)) return { kind: "list", items: value.map((item) => fromJson(item, at, keyring)) };
  if (!isValueMap(value)) return { kind: "literal", value };
  const { [VAULT_KEY]: vaulted } = value;
  if (typeof vaulted === "string") return vaultedValue(vaulted, at, keyring);
  return {
    kind: "map",
    entries: Object.entries(value).map(([key, item]) => ({ key, value: fromJson(item, at, keyring) })),
  };
}
