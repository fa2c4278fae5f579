import { REDACTED, type Secrets } from "../diagnostics/secrets.ts";
import { isValueMap, type Value, type ValueMap } from "./value.ts";

/** The mapping with asterisks where secrets stood. */
export function redactMap(values: ValueMap, secrets: Secrets): ValueMap {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, redactValue(value, secrets)]),
  );
}

function redactValue(value: Value, secrets: Secrets): Value {
  if (typeof value === "string") return secrets.redactWhole(value);
  if (typeof value === "number") return secrets.appearsIn(String(value)) ? REDACTED : value;
  if (Array.isArray(value)) return value.map((item) => redactValue(item, secrets));
  return isValueMap(value) ? redactMap(value, secrets) : value;
}
