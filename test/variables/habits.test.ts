import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { compileExpression } from "../../src/variables/expression.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import { compileText } from "../../src/variables/text-template.ts";
import type { Value } from "../../src/variables/value.ts";
import { parseVariables } from "../../src/variables/variables-file.ts";

const AT = { file: "site.yml", line: 3, column: 7 };

/** Code and hint of what is wrong. */
function complaint(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    return error.diagnostics.map(({ code, hint }) => `${code}: ${hint}`).join("\n");
  }
  return "nothing is wrong";
}

const scope = (variables: Record<string, Value>) =>
  createScope({
    layers: [
      {
        level: "test",
        variables: new Map(
          Object.entries(variables).map(([name, value]) => [name, { value: { kind: "literal", value } }]),
        ),
      },
    ],
  });

describe("what people who come from Jinja2 write in an expression is an error that says what to write", () => {
  test.each([
    ["port | default(6432)", "expression-syntax: a filter is a function here: write default(port, 6432)"],
    ["name | int", "expression-syntax: a filter is a function here: write to_int(name)"],
    [
      "users | map(attribute='name') | list",
      'expression-syntax: a filter is a function here: write attributes(users, "name")',
    ],
    [
      "a | ansible.utils.ipaddr('network')",
      'expression-syntax: a filter is a function here: write ipaddr(a, "network")',
    ],
    ["result is failed", "expression-syntax: write result.failed"],
    ["result is not changed", "expression-syntax: write not (result.changed)"],
    ["x is defined", "expression-syntax: write defined(x)"],
    ["x is not defined and y", "expression-syntax: write not defined(x)"],
    ["v is version('1.2', '>=')", 'expression-syntax: write version(v, "1.2", ">=")'],
    ["a not in b", "expression-syntax: write not (value in list)"],
    ["'x' if a else 'y'", "expression-syntax: write a ? 'x' : 'y'"],
    ["lookup('env', 'HOME')", 'unknown-function: a lookup is a function of its own here: write env("HOME")'],
    [
      "lookup('file', 'a.txt')",
      'unknown-function: a lookup is a function of its own here: write read_file("a.txt")',
    ],
    ["enabled == True", "expression-syntax: write true"],
    ["name.lower() == 'x'", "unknown-function: it is a function: lower(value, …)"],
    ["{{ a }} == 1", "expression-syntax: an expression needs no braces: write the name as it is"],
  ])("%s", (source, wanted) => {
    expect(complaint(() => compileExpression(source, AT))).toBe(wanted);
  });
});

describe("and in a template", () => {
  test.each([
    [
      "{{ port | default(6432) }}",
      "template-syntax: a filter is a function here: write {{ default port 6432 }}",
    ],
    [
      "{{ lookup('env', 'HOME') }}",
      'template-syntax: a lookup is a function of its own here: write {{ env "HOME" }}',
    ],
    [
      "{{ a + 1 }}",
      "template-syntax: a computed value is an expression: `key: !expr a + 1`; in a template write {{ add a 1 }}, {{#if (eq a b)}}",
    ],
    [
      "{{ join(list) }}",
      'template-syntax: a function\'s arguments are separated by blanks: {{ join list "," }}',
    ],
    [
      "{% for host in groups.web %}x{% endfor %}",
      "template-syntax: write {{#each groups.web}} … {{this}} or {{this.key}}, {{@index}}, {{@first}}, {{@last}} … {{/each}}; what stands outside is {{../name}} or {{@root.name}}",
    ],
    [
      "{%- if a %}x{% endif %}",
      "template-syntax: write {{#if name}} … {{else if other}} … {{else}} … {{/if}}; comparisons are functions: {{#if (eq a b)}}",
    ],
    [
      "{{ groups['web'] | join(',') }}",
      'template-syntax: a filter is a function here: write {{ join groups.web "," }}',
    ],
    [
      "a {{ [one, 'two'] }}",
      "template-syntax: a list is written in YAML, `key: [a, b]`, or computed: `key: !expr [a, b]`",
    ],
    [
      "{{ [] }}",
      "template-syntax: a list is written in YAML, `key: [a, b]`, or computed: `key: !expr [a, b]`",
    ],
    [
      "{{ {'a': 1} }}",
      'template-syntax: a mapping is written in YAML, `key: {a: 1}`, or computed: `key: !expr {"a": 1}`',
    ],
    [
      "{{ 'a' if x else 'b' }}",
      "template-syntax: write {{ ternary x 'a' 'b' }}, or {{#if x}} … {{else}} … {{/if}}",
    ],
    [
      "{{ a if x == 1 else b }}",
      "template-syntax: write {{ ternary (eq a b) a b }}, or {{#if (eq a b)}} … {{else}} … {{/if}}",
    ],
    ["{# what it is for #} x", "template-syntax: a comment of a template is written {{!-- … --}}"],
  ])("%s", (source, wanted) => {
    expect(complaint(() => compileText(source, AT))).toBe(wanted);
  });

  test("statements are found in text without braces too, where the text would go as it is", () => {
    expect(complaint(() => parseVariables("a: '{% if b %}c{% endif %}'", "vars.yml"))).toMatch(
      /^template-syntax: write \{\{#if/,
    );
  });

  test("names in brackets and choices of Handlebars are none", () => {
    const text = "{{ [a key] }} {{#if x}}1{{else if y}}2{{else}}3{{/if}}";
    expect(compileText(text, AT).evaluate(scope({ "a key": 7, x: false, y: true }))).toBe("7 2");
  });

  test.each(["awk '{#x}'", "${#array[@]}", "log_format %{x}% {%x%}", "{ %if }"])(
    "%s is no Jinja2",
    (text) => {
      expect(compileText(text, AT).evaluate(scope({}))).toBe(text);
    },
  );

  test("where they stand is the line of the template", () => {
    const files = { line: 0 };
    try {
      compileText("a\n", AT);
      parseVariables("a: |\n  {{ b }}\n  {% if b %}\n", "vars.yml");
    } catch (error) {
      files.line = error instanceof DiagnosticsError ? (error.diagnostics[0]?.at?.line ?? 0) : 0;
    }
    expect(files.line).toBe(1);
  });
});

describe("calls are checked when they are read", () => {
  test.each([
    ["defualt(a, 1)", "unknown-function: did you mean `default`?"],
    ['combine(a, b, true, "append", 1)', "function-arguments: it is combine(a, b?, recursive?, list_merge?)"],
    ['regex_replace(a, "b")', "function-arguments: it is regex_replace(text, pattern, by, flags?, count?)"],
    ["frobnicate(a)", "unknown-function: docs/templates-and-expressions.md lists the functions"],
    ['a.startWith("b")', "unknown-function: did you mean `startsWith`?"],
  ])("%s", (source, wanted) => {
    expect(complaint(() => compileExpression(source, AT))).toContain(wanted);
  });

  test.each([
    ["{{ uper name }}", "unknown-function: did you mean `upper`?"],
    ["{{ upper (lowr name) }}", "unknown-function: did you mean `lower`?"],
    ["{{ replace name 'a' }}", "function-arguments: it is replace(text, part, by)"],
    ["{{ join list seperator=',' }}", "function-arguments: did you mean `separator`?"],
    ["{{#join list}}x{{/join}}", "unknown-function: `join` is a function: {{ join … }}, or {{#if (join …)}}"],
    [
      "{{#foreach list}}x{{/foreach}}",
      "unknown-function: there is {{#if}}, {{#unless}}, {{#each}} and {{#with}}",
    ],
  ])("%s", (source, wanted) => {
    expect(complaint(() => compileText(source, AT))).toContain(wanted);
  });
});

describe("templates call functions", () => {
  test.each<[string, Record<string, Value>, Value]>([
    ["{{ join list separator='+' }}", { list: ["a", "b"] }, "a+b"],
    ["{{ combine a b recursive=true list_merge='append' }}", { a: { l: [1] }, b: { l: [2] } }, { l: [1, 2] }],
    ["{{ upper (default name 'x') }}", {}, "X"],
    ["{{#each (range 3)}}{{this}}{{/each}}", {}, "012"],
    ["{{#if (version v '1.10' '>=')}}new{{else}}old{{/if}}", { v: "1.9" }, "old"],
    ["{{ to_nice_json m indent=2 }}", { m: { a: 1 } }, '{\n  "a": 1\n}'],
  ])("%s", (source, variables, wanted) => {
    expect(compileText(source, AT).evaluate(scope(variables))).toEqual(wanted);
  });

  test("an undefined argument with a name is an error like one without", () => {
    expect(
      complaint(() => compileText("{{ join list separator=nothing }}", AT).evaluate(scope({ list: [] }))),
    ).toContain("undefined-variable");
  });
});

test("a function without anything behind it is told from a variable", () => {
  expect(complaint(() => compileText("{{ now }}", AT).evaluate(scope({})))).toContain("`now` is a function");
});

describe("in an expression only what is asked for must be defined", () => {
  test.each<[string, Value]>([
    ["defined(a) and a.b == 1", false],
    ["not defined(a) or a > 1", true],
    ["defined(a) ? a : 7", 7],
  ])("%s", (source, wanted) => {
    expect(compileExpression(source, AT).evaluate(scope({}))).toEqual(wanted);
  });

  test("what is asked for and undefined is an error", () => {
    expect(complaint(() => compileExpression("defined(b) or a.b", AT).evaluate(scope({})))).toContain(
      "undefined-variable",
    );
  });
});

describe("a pattern over a host's text can't hold everything up", () => {
  const bad = { text: `${"a".repeat(60)}!` };

  test.each(['regex_match(text, "(a+)+")', 'text.matches("^(a+)+$")', 'select([text], "match", "(a+)+$")'])(
    "%s is cut off",
    (source) => {
      const started = performance.now();
      expect(() => compileExpression(source, AT).evaluate(scope(bad))).toThrow(
        /needs more than 1 s for a text of 61 characters/,
      );
      expect(performance.now() - started).toBeLessThan(10_000);
    },
  );

  test("patterns that end are not", () => {
    const long = { text: "x=1\n".repeat(50_000) };
    expect(
      compileExpression('length(regex_findall(text, "([a-z]+)=([0-9]+)"))', AT).evaluate(scope(long)),
    ).toBe(50_000);
    expect(compileExpression('"matches(" + text.matches("^x=").string()', AT).source).toContain("matches");
  });
});
