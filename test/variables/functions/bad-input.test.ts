import { describe, expect, test } from "vitest";
import { type Diagnostic, DiagnosticsError } from "../../../src/diagnostics/diagnostic.ts";
import { compileExpression } from "../../../src/variables/expression.ts";
import { functionLibrary } from "../../../src/variables/functions/library.ts";
import type { LibraryFunction } from "../../../src/variables/functions/library-function.ts";
import { createScope } from "../../../src/variables/host-scope.ts";
import { compileText } from "../../../src/variables/text-template.ts";
import type { Value } from "../../../src/variables/value.ts";

const AT = { file: "site.yml", line: 3, column: 5 };

/** A value of each kind, and some that nobody expects. */
const VALUES: Readonly<Record<string, Value>> = {
  number_7: 7,
  fraction: 1.5,
  negative: -1,
  huge: 1e300,
  wrods: "wrods",
  empty_text: "",
  yes: true,
  ones: [1],
  mappings: [{ a: 1 }],
  mapping_a: { a: 1 },
  nothing: null,
  no_items: [],
  no_keys: {},
  nul: "a\0b",
  long: "x".repeat(100_000),
};
const scope = createScope({
  layers: [
    {
      level: "test",
      variables: new Map(
        Object.entries(VALUES).map(([name, value]) => [name, { value: { kind: "literal" as const, value } }]),
      ),
    },
  ],
});

/** What is said of Plumb's insides, or of JavaScript's, says nothing to whoever wrote the expression. */
const INTERNAL =
  /of undefined|: undefined|object Object|NaN|TypeError|RangeError|SyntaxError|Cannot read|is not a function|the (string|boolean) |node:/;

function refusal(act: () => unknown): Diagnostic | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    return error.diagnostics[0];
  }
}

function expectProper(problem: Diagnostic | undefined, told: string): void {
  if (problem === undefined) return;
  expect(problem.at, told).toMatchObject({ file: "site.yml", line: 3 });
  const said = `${problem.message} ${problem.expected ?? ""} ${problem.hint ?? ""}`;
  expect(said, told).not.toMatch(INTERNAL);
  expect(said.length, told).toBeLessThan(2000);
}

/** The arguments of the example; names of text where it shows another form. */
function argumentsOf({ name, parameters, example }: LibraryFunction): string[] {
  const [, inside] = new RegExp(`^${name}\\((.*)\\)$`, "s").exec(example.expression) ?? [];
  if (inside === undefined) return parameters.map(() => "wrods");
  const parts: string[] = [];
  let depth = 0;
  for (const [token] of inside.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|./gs)) {
    if ("([{".includes(token)) depth++;
    if (")]}".includes(token)) depth--;
    if (depth === 0 && token === ",") parts.push("");
    else parts.push(`${parts.pop() ?? ""}${token}`);
  }
  return parts.map((part) => part.trim());
}

// `pipe` runs what it is given, and `password_file` makes the file.
const FUNCTIONS = functionLibrary.filter(({ name }) => name !== "pipe" && name !== "password_file");

describe("every function of expressions", () => {
  test.each(FUNCTIONS)("$name says in words what it can't take, and where", (known) => {
    const usual = argumentsOf(known);
    for (let index = 0; index < known.parameters.length; index++) {
      for (const value of Object.keys(VALUES)) {
        // It takes that, and a minute for it, as crypt(3) would.
        if (known.name === "password_hash" && value === "long") continue;
        const given = Array.from({ length: Math.max(usual.length, index + 1) }, (_, at) =>
          at === index ? value : (usual[at] ?? "nothing"),
        );
        const source = `${known.name}(${given.join(", ")})`;
        expectProper(
          refusal(() => compileExpression(source, AT).evaluate(scope)),
          source,
        );
      }
    }
  });

  test.each(functionLibrary)(
    "$name with too few and too many arguments is refused when it is read",
    (known) => {
      const { name, parameters } = known;
      const required = parameters.filter((one) => !one.endsWith("?")).length;
      const counts = [parameters.length + 1, ...(required > 0 ? [required - 1] : [])];
      for (const count of counts) {
        const words = Array.from({ length: count }, () => "wrods");
        for (const read of [
          () => compileExpression(`${name}(${words.join(", ")})`, AT),
          ...(count === 0 ? [] : [() => compileText(`{{ ${name} ${words.join(" ")} }}`, AT)]),
        ]) {
          const problem = refusal(read);
          expect(problem, `${name} of ${count}`).toMatchObject({ code: "function-arguments" });
          expect(problem?.hint).toContain(`${name}(`);
          expectProper(problem, name);
        }
      }
    },
  );

  test.each(functionLibrary.filter(({ name }) => name.length > 4))(
    "$name, misspelt, gets a hint in expressions and in templates",
    ({ name, parameters }) => {
      const misspelt = `${name.slice(0, 3)}${name.slice(2)}`;
      const words = parameters.map(() => "wrods");
      for (const read of [
        () => compileExpression(`${misspelt}(${words.join(", ")})`, AT),
        () => compileText(`{{ ${misspelt} ${words.join(" ") || "wrods"} }}`, AT),
      ]) {
        const problem = refusal(read);
        expect(problem?.code, misspelt).toBe("unknown-function");
        expect(problem?.hint).toMatch(/did you mean `\w+`\?/);
        expectProper(problem, misspelt);
      }
    },
  );
});

describe("what is no expression and no template", () => {
  test.each([
    ["", /empty/],
    ["a and", /ends where something must follow/],
    ["(a", /`\)` must stand where it ends/],
    ["a)", /`\)` can't stand there/],
    ["a == 'x", /quote is not closed/],
    ["a.", /a name must stand where it ends/],
    ["a ? b", /`:` must stand where it ends/],
    ["a b", /`b` can't stand there/],
    ["a = b", /`=` can't stand there/],
    ["if a", /`if` is a word of the language/],
    ["a\0b", /U\+0000/],
    ['"\\q"', /escape sequence/],
  ])("%j is told in words", (source, said) => {
    const problem = refusal(() => compileExpression(source, AT));
    expect(problem).toMatchObject({ code: "expression-syntax", message: expect.stringMatching(said) });
    expectProper(problem, source);
  });

  test.each([
    "{{ a",
    "{{#if a}}",
    "{{/if}}",
    "{{#each}}x{{/each}}",
    "{{ a b",
    "{{{ a }}",
    "{{ }}",
    "{{#if a}}{{/each}}",
    "{{else}}",
    "{{> part}}",
    "{{ a..b }}",
    "{{ (a }}",
  ])("%j is told in words", (source) => {
    const problem = refusal(() => compileText(`x ${source}`, AT));
    expect(problem, source).toBeDefined();
    expectProper(problem, source);
    expect(`${problem?.message} ${problem?.hint}`).not.toMatch(
      /Expecting|'EOF'|OPEN_|CLOSE|\bID\b|INVALID|Parse error/,
    );
  });
});
