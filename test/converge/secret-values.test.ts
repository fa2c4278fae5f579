import { expect, test } from "vitest";
import { addSecretsAt } from "../../src/converge/secret-values.ts";
import { Secrets } from "../../src/diagnostics/secrets.ts";

test("what stands at a path is secret, in lists and mappings on the way too, and nothing else", () => {
  const secrets = new Secrets();
  const values = new Map([
    ["entries", [{ user: "keeper-of-all", verifier: "verifier-number-one" }, { verifier: "and-number-two" }]],
  ]);
  addSecretsAt(secrets, ["entries.verifier", "absent.too"], (name) => values.get(name));
  expect(secrets.appearsIn("x verifier-number-one x")).toBe(true);
  expect(secrets.appearsIn("x and-number-two x")).toBe(true);
  expect(secrets.appearsIn("x keeper-of-all x")).toBe(false);
});
