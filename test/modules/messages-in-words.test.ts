import { expect, test } from "vitest";
import type { z } from "zod";
import { loadModule, moduleNames } from "../../src/modules/catalogue.ts";

/** A schema inside a module's, and the parameter that it belongs to. */
interface Found {
  schema: z.core.$ZodType;
  parameter: string;
}

function* schemasInside(
  schema: z.core.$ZodType,
  parameter: string,
  seen = new Set<z.core.$ZodType>(),
): Generator<Found> {
  if (seen.has(schema)) return;
  seen.add(schema);
  yield { schema, parameter };
  for (const [name, value] of Object.entries(schema._zod.def)) {
    const parts = name === "shape" ? Object.entries(value as object) : [["", value] as const];
    for (const [key, part] of parts)
      for (const one of Array.isArray(part) ? part : [part])
        if (isSchema(one)) yield* schemasInside(one, key === "" ? parameter : `${parameter}.${key}`, seen);
  }
}

function isSchema(value: unknown): value is z.core.$ZodType {
  return typeof value === "object" && value !== null && "_zod" in value && "parse" in value;
}

/** What is said of text that does not match; undefined: nothing of the module's own, so the pattern would be shown. */
function* saidOfPatterns({ schema }: Found): Generator<string | undefined> {
  const { def } = schema._zod;
  const checks = (def.checks ?? []).map((check) => check._zod.def);
  for (const check of "check" in def ? [...checks, def] : checks) {
    if (!("check" in check) || check.check !== "string_format") continue;
    const error = check.error as z.core.$ZodErrorMap | undefined;
    const said = error?.({ code: "invalid_format", format: "regex", input: "x", path: [] });
    yield typeof said === "string" ? said : said?.message;
  }
}

/** The marks of a regular expression that no sentence has. */
const PATTERN = /\/\^|\[\^|\$\/|\\[sSdDwWnb]|\(\?|\]\+|\]\*/;

test("text that has to match a pattern is refused in words, whatever the module, and never with the pattern", async () => {
  const all: { parameter: string; said: string | undefined }[] = [];
  for (const name of moduleNames()) {
    const { params } = await loadModule(name);
    for (const found of schemasInside(params as z.ZodType, name))
      for (const said of saidOfPatterns(found)) all.push({ parameter: found.parameter, said });
  }
  expect(all.length).toBeGreaterThan(80);
  expect(all.filter(({ said }) => said === undefined || said === "" || PATTERN.test(said))).toEqual([]);
});
