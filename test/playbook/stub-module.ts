import { z } from "zod";
import { defineModule, type Module } from "../../src/modules/module.ts";
import type { Parameterised } from "../../src/playbook/parameter-position.ts";
import { compileValue } from "../../src/variables/compile-value.ts";
import type { TemplatedEntry } from "../../src/variables/templated.ts";
import { parseYaml } from "../../src/variables/yaml-source.ts";

/** A module with a parameter of every kind that schemas make. */
export const stub = defineModule({
  name: "stub",
  summary: "For tests",
  params: z
    .strictObject({
      name: z.string().min(1),
      count: z.number().int().min(1).max(9).optional(),
      enabled: z.boolean().default(false),
      state: z.enum(["present", "absent"]).default("present"),
      path: z.string().startsWith("/", { error: "must be an absolute path" }).optional(),
      names: z.union([z.string(), z.array(z.string())]).optional(),
      settings: z
        .record(z.string().regex(/^[a-z_]+$/), z.union([z.string(), z.number(), z.boolean()]))
        .optional(),
      pools: z.array(z.strictObject({ name: z.string(), size: z.number().optional() })).optional(),
      password: z.string().min(8).optional(),
      users: z.array(z.strictObject({ password: z.string().min(8) })).optional(),
    })
    .refine((all) => all.state === "absent" || all.count !== undefined, {
      error: "`count` belongs to `state: present`",
      path: ["count"],
    }),
  secretParams: ["password", "users.password"],
  examples: [],
  queries: () => ({}),
  diff: () => ({ action: "none", reason: "" }),
  steps: () => [],
}) as unknown as Module;

/** The parameters of a task that stands in task.yml; their first line is line 1. */
export function stubTask(yaml: string): Parameterised {
  const source = parseYaml(yaml, "task.yml");
  const value = compileValue(source, source.contents);
  const parameters: readonly TemplatedEntry[] = value.kind === "map" ? value.entries : [];
  return { module: "stub", parameters, at: { file: "task.yml", line: 99, column: 1 } };
}
