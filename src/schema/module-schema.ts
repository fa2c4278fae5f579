import { z } from "zod";
import type { Module } from "../modules/module.ts";
import { type JsonSchema, orComputed } from "./json-schema.ts";

interface PipeParts {
  _zod: { def: { type: string; in?: PipeParts; out?: z.ZodType } };
}

/**
 * The schema of a module's parameters, as a task gives them: from the very schema that checks them when a playbook is loaded, with a template or an expression
 * allowed wherever a value is.
 */
export function moduleSchema(module: Module): JsonSchema {
  const plain = z.toJSONSchema(module.params as z.ZodType, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = (zodSchema as unknown as PipeParts)._zod;
      // What is made ready before it is checked takes what the check takes, and more: its form is not held against it.
      if (def.type !== "pipe" || def.in?._zod.def.type !== "transform" || def.out === undefined) return;
      const {
        $schema: _,
        pattern: __,
        ...checked
      } = z.toJSONSchema(def.out, { io: "input", target: "draft-7", unrepresentable: "any" });
      Object.assign(jsonSchema, checked);
    },
  }) as JsonSchema;
  const { $schema: _, ...parameters } = withComputed(plain, true);
  const description = [module.summary, module.description].filter(Boolean).join("\n\n");
  const forms: JsonSchema[] = [{ ...parameters, description }];
  if (module.freeForm !== undefined) forms.push({ type: ["string", "number"] });
  else forms.push({ type: "string", pattern: "=|\\{\\{" });
  if ((plain.required ?? []).length === 0) forms.push({ type: "null" });
  return { description, anyOf: forms };
}

/** The schema with something computed allowed for every value inside. */
function withComputed(schema: JsonSchema, isWhole: boolean): JsonSchema {
  const inner: JsonSchema = {
    ...schema,
    ...(schema.properties === undefined ? {} : { properties: mapped(schema.properties) }),
    ...(typeof schema.additionalProperties === "object"
      ? { additionalProperties: withComputed(schema.additionalProperties, false) }
      : {}),
    ...(schema.items === undefined ? {} : { items: withComputed(schema.items, false) }),
    ...(schema.anyOf === undefined ? {} : { anyOf: schema.anyOf.map((one) => withComputed(one, true)) }),
    ...(schema.allOf === undefined ? {} : { allOf: schema.allOf.map((one) => withComputed(one, true)) }),
    ...(schema.definitions === undefined ? {} : { definitions: mapped(schema.definitions) }),
  };
  return isWhole ? inner : orComputed(inner);
}

function mapped(schemas: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(schemas).map(([key, one]) => [key, withComputed(one, false)]));
}
