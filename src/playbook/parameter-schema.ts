import type { z } from "zod";
import type { Module } from "../modules/module.ts";

/** The schemas of a module's parameters by name; undefined for a module that takes any names (set_fact). */
export function parameterSchemas(module: Module): ReadonlyMap<string, z.ZodType> | undefined {
  const shape = shapeOf(module.params);
  return shape === undefined ? undefined : new Map(Object.entries(shape));
}

/** The names that a module's schema knows; undefined for one that takes any. */
export function parameterNames(module: Module): string[] | undefined {
  const schemas = parameterSchemas(module);
  return schemas === undefined ? undefined : [...schemas.keys()];
}

interface SchemaParts {
  shape?: Record<string, z.ZodType>;
  def?: { in?: SchemaParts; out?: SchemaParts; innerType?: SchemaParts };
}

/** The object schema may stand inside a pipe: of a transformation its input, of a preprocessing its output. */
function shapeOf(schema: unknown): Record<string, z.ZodType> | undefined {
  const { shape, def } = schema as SchemaParts;
  if (shape !== undefined) return shape;
  for (const part of [def?.in, def?.out, def?.innerType]) {
    const inner = part === undefined ? undefined : shapeOf(part);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
