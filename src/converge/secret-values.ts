import type { Secrets } from "../diagnostics/secrets.ts";
import { isValueMap, type Value } from "../variables/value.ts";

/**
 * Makes secret what stands at these paths: `password`, or inside of others `entries.password`.
 *
 * @param valueOf the value that a path begins at.
 */
export function addSecretsAt(
  secrets: Secrets,
  paths: readonly string[] = [],
  at: (name: string) => Value | undefined,
): void {
  for (const path of paths) {
    const [name = "", ...inside] = path.split(".");
    addSecrets(secrets, at(name), inside);
  }
}

/** @param inside keys that lead to the secret; lists on the way are walked through. */
function addSecrets(secrets: Secrets, value: Value | undefined, inside: readonly string[]): void {
  const [key, ...rest] = inside;
  if (Array.isArray(value)) {
    for (const item of value) addSecrets(secrets, item, inside);
  } else if (isValueMap(value)) {
    const parts = key === undefined ? Object.values(value) : [value[key]];
    for (const part of parts) addSecrets(secrets, part, rest);
  } else if (typeof value === "string") secrets.add(value);
}
