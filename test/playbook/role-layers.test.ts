import { expect, test } from "vitest";
import type { RoleContext } from "../../src/playbook/playbook.ts";
import { roleLayers } from "../../src/playbook/role-layers.ts";

function role(name: string, rest: Partial<RoleContext> = {}): RoleContext {
  const variables = (level: string): RoleContext["defaults"] =>
    new Map([[`${name} ${level}`, { value: { kind: "literal", value: name } }]]);
  return {
    name,
    path: `/roles/${name}`,
    defaults: variables("defaults"),
    variables: variables("vars"),
    parameters: variables("parameters"),
    dependencies: [],
    ...rest,
  };
}

const names = (layers: readonly RoleContext["defaults"][]): string[] =>
  layers.flatMap((layer) => [...layer.keys()]);

test("a role's own variables win over its dependencies', and these over those of the role that pulled it in", () => {
  const outer = role("outer");
  const deep = role("deep");
  const dependency = role("dependency", { dependencies: [deep] });
  const layers = roleLayers(role("own", { parent: outer, dependencies: [dependency] }));
  expect(names(layers.defaults)).toEqual([
    "outer defaults",
    "deep defaults",
    "dependency defaults",
    "own defaults",
  ]);
  expect(names(layers.variables)).toEqual(["outer vars", "deep vars", "dependency vars", "own vars"]);
});

test("parameters come from the roles above, never from dependencies", () => {
  const layers = roleLayers(role("own", { parent: role("outer"), dependencies: [role("dependency")] }));
  expect(names(layers.parameters)).toEqual(["outer parameters", "own parameters"]);
});
