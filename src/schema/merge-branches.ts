import type { JsonSchema } from "./json-schema.ts";

/** Keywords of JSON Schema that say something of one type of value only, and nothing of others. */
const ABOUT_ONE_TYPE: Readonly<Record<string, string>> = {
  pattern: "string",
  minLength: "string",
  maxLength: "string",
  format: "string",
  items: "array",
  minItems: "array",
  maxItems: "array",
  uniqueItems: "array",
  properties: "object",
  additionalProperties: "object",
  patternProperties: "object",
  propertyNames: "object",
  required: "object",
};

const ABOUT_NUMBERS = new Set(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]);

/**
 * The branches of an `anyOf`, with those put together that are of different types: `number` or `text that matches` is one schema. The YAML language server
 * begins what it shows over a word with the titles of all branches, which nobody has given, where there are more than two.
 */
export function mergeBranches(branches: readonly JsonSchema[]): JsonSchema[] {
  const merged: JsonSchema[] = [];
  for (const branch of branches) {
    const index = merged.findIndex((one) => areOfDifferentTypes(one, branch));
    const other = merged[index];
    if (other === undefined) merged.push(branch);
    else merged[index] = { ...other, ...branch, type: [...typesOf(other), ...typesOf(branch)] };
  }
  return merged;
}

function areOfDifferentTypes(one: JsonSchema, other: JsonSchema): boolean {
  if (!saysOnlyOfItsTypes(one) || !saysOnlyOfItsTypes(other)) return false;
  const types = typesOf(one).map(family);
  return typesOf(other).every((type) => !types.includes(family(type)));
}

/** Nothing in it would be asked of values of the other's types. */
function saysOnlyOfItsTypes(schema: JsonSchema): boolean {
  const types = typesOf(schema).map(family);
  return (
    types.length > 0 &&
    Object.keys(schema).every((key) => {
      if (key === "type") return true;
      const about = ABOUT_NUMBERS.has(key) ? "number" : ABOUT_ONE_TYPE[key];
      return about !== undefined && types.includes(about);
    })
  );
}

const typesOf = ({ type }: JsonSchema): readonly string[] =>
  type === undefined ? [] : typeof type === "string" ? [type] : type;

const family = (type: string): string => (type === "integer" ? "number" : type);
