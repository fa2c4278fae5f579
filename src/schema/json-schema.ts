import { mergeBranches } from "./merge-branches.ts";

/** JSON Schema, draft 7: what editors' YAML language servers take. */
export interface JsonSchema {
  $schema?: string;
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  const?: unknown;
  default?: unknown;
  pattern?: string;
  minimum?: number;
  properties?: Readonly<Record<string, JsonSchema>>;
  patternProperties?: Readonly<Record<string, JsonSchema>>;
  propertyNames?: JsonSchema;
  additionalProperties?: boolean | JsonSchema;
  required?: readonly string[];
  items?: JsonSchema;
  anyOf?: readonly JsonSchema[];
  allOf?: readonly JsonSchema[];
  definitions?: Readonly<Record<string, JsonSchema>>;
  [keyword: string]: unknown;
}

export const DRAFT = "http://json-schema.org/draft-07/schema#";

/**
 * Text that comes to something else: a template, or an expression (`!expr`, whose tag a JSON Schema does not see). A word alone is neither, so that a misspelt
 * one is seen.
 */
export const COMPUTED: JsonSchema = { type: "string", pattern: "\\{\\{|[\\s.()\\[\\]?+*/<>=!&|]" };

/** The schema, or something that gives what it asks for. */
export function orComputed(schema: JsonSchema): JsonSchema {
  if (isAnyText(schema)) return schema;
  const { description, default: fallback, ...rest } = schema;
  const branches = rest.anyOf !== undefined && Object.keys(rest).length === 1 ? rest.anyOf : [rest];
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    ...oneOrAny(mergeBranches([...branches, COMPUTED])),
  };
}

const oneOrAny = (branches: readonly JsonSchema[]): JsonSchema => {
  const [only, ...others] = branches;
  return only !== undefined && others.length === 0 ? only : { anyOf: branches };
};

/** It takes any text already, or anything at all. */
function isAnyText(schema: JsonSchema): boolean {
  const keywords = Object.keys(schema).filter((key) => !["description", "default", "title"].includes(key));
  if (keywords.length === 0) return true;
  if (schema.anyOf !== undefined) return schema.anyOf.some(isAnyText);
  return schema.type === "string" && keywords.length === 1;
}

/** The name of JSON Schema's keyword; written out as a key it would look like a promise's. */
const THEN = "then";

/** One schema or the other, by a condition. */
export function either(condition: JsonSchema, yes: JsonSchema, no: JsonSchema): JsonSchema {
  return { if: condition, [THEN]: yes, else: no };
}
