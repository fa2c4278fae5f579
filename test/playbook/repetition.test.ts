import { expect, test } from "vitest";
import { delayMsOf, retriesOf } from "../../src/playbook/repetition.ts";
import { compileText } from "../../src/variables/text-template.ts";
import { scopeOf } from "./scope-of.ts";

const at = { file: "site.yml", line: 1, column: 1 };
const template = (text: string) => ({ kind: "text", template: compileText(text, at), at }) as const;

test("a task is tried once; with `until` three times more", () => {
  expect(retriesOf({}, scopeOf(""))).toBe(0);
  expect(retriesOf({ until: [] }, scopeOf(""))).toBe(3);
  expect(retriesOf({ retries: { kind: "literal", value: 7 } }, scopeOf(""))).toBe(7);
});

test("numbers may come from variables, as text too", () => {
  expect(retriesOf({ retries: template("{{ n }}") }, scopeOf("n: '4'"))).toBe(4);
  expect(delayMsOf({ delay: template("{{ n }}") }, scopeOf("n: 1.5"))).toBe(1500);
  expect(delayMsOf({}, scopeOf(""))).toBe(5000);
});

test.each(["n: some", "n: -1", "n: []", "n: ''"])("%s is refused", (yaml) => {
  expect(() => retriesOf({ retries: template("{{ n }}") }, scopeOf(yaml))).toThrow(
    "`retries` must be a number",
  );
});
