import { describe, expect, test } from "vitest";
import { loadModule, moduleNames } from "../../src/modules/catalogue.ts";
import { KEYWORDS } from "../../src/playbook/keywords.ts";
import { ENTRY_KEYS, OPTION_KEYS } from "../../src/playbook/load-specification.ts";
import { parameterNames } from "../../src/playbook/parameter-schema.ts";
import { KEYWORD_REFERENCE } from "../../src/schema/keyword-reference.ts";
import { moduleSchema } from "../../src/schema/module-schema.ts";
import { playbookSchema } from "../../src/schema/playbook-schema.ts";
import { roleSchema } from "../../src/schema/role-schema.ts";

describe("the schema of a playbook", () => {
  const used = [...new Set(Object.values(KEYWORDS).flat())].sort();

  test("says of every keyword that the loader knows what it is", () => {
    for (const name of used) expect(KEYWORD_REFERENCE[name]?.description, name).toBeTruthy();
  });

  test("leads nowhere that is not in it", async () => {
    const schema = await playbookSchema();
    const text = JSON.stringify(schema);
    const references = new Set(
      [...text.matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)].map(([, name = ""]) => name),
    );
    expect([...references].filter((name) => schema.definitions?.[name] === undefined)).toEqual([]);
  });
});

test("the schema of a role has every key of a specification and of an option that the loader knows", () => {
  const { properties, definitions } = roleSchema();
  const entry = properties?.["argument_specs"]?.additionalProperties;
  const option = definitions?.["options"]?.additionalProperties;
  for (const [schema, names] of [
    [entry, ENTRY_KEYS],
    [option, OPTION_KEYS],
  ] as const) {
    const known = typeof schema === "object" ? (schema.properties ?? {}) : {};
    expect(Object.keys(known)).toEqual(names);
    for (const name of names) expect(Object.keys(known[name] ?? {}), name).not.toEqual([]);
  }
});

describe("the schema of a module", () => {
  test.each(moduleNames())("%s has every parameter, with what it is", async (name) => {
    const module = await loadModule(name);
    const [parameters] = moduleSchema(module).anyOf ?? [];
    for (const parameter of parameterNames(module) ?? [])
      expect(parameters?.properties?.[parameter]?.description, parameter).toBeTruthy();
  });
});
