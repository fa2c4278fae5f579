import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import { plainTemplate } from "../../src/variables/plain-template.ts";
import { compileTemplate } from "../../src/variables/text-template.ts";
import { parseVariables } from "../../src/variables/variables-file.ts";

const scope = createScope({
  layers: [
    {
      level: "test",
      variables: parseVariables(
        "a: one\nb: 2\nc: {d: {e: deep, length: 7}, f: null}\nl: [x, y]\nn: null\nempty: ''\nthis_one: yes\n",
        "vars.yml",
      ),
    },
  ],
});

/** What a template gives, or what is wrong with it and where. */
function outcome(text: string, linesBefore = 0): unknown {
  try {
    return compileTemplate(text, (line, column) => ({
      file: "t.hbs",
      line: line - linesBefore,
      column,
    })).evaluate(scope);
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    // What can't be read is shown as far as it was read, and that begins with the comment.
    return error.diagnostics.map(({ code, message, at }) =>
      code === "template-syntax" ? { code } : { code, message, at },
    );
  }
}

/** A comment is nothing to a reader, and more than a plain template may have: Handlebars is asked. */
const asHandlebars = (text: string): unknown => outcome(`{{! }}\n${text}`, 1);

const piece = fc.oneof(
  fc.constantFrom("", " ", "x", "\n", "} ", "{ ", "}", "{", "\\", "$", "ü", "\\\\", "{}", "a.b", '"'),
  fc.string({ maxLength: 4 }).filter((text) => !text.includes("{")),
);
const path = fc.constantFrom(
  "a",
  "b",
  "c.d",
  "c.d.e",
  "c.d.length",
  "c.f",
  "c.f.g",
  "c.nothing",
  "l",
  "l.length",
  "n",
  "n.x",
  "empty",
  "this_one",
  "nothing",
  "a.b",
  "this",
  "a.this",
  "true",
  "null",
  "c.0",
  "else",
  "a-b",
  "constructor",
  "c.constructor",
  "a.length",
);
const reference = fc
  .tuple(path, fc.constantFrom("", " ", "  ", "\n"), fc.constantFrom("{{", "{{", "{{", "{{{"))
  .map(([name, space, open]) => `${open}${space}${name}${space}${open === "{{{" ? "}}}" : "}}"}`);

describe("a template of names alone", () => {
  test("gives what Handlebars gives, and finds the same fault at the same place", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(piece, reference), { minLength: 1, maxLength: 4 }),
        piece,
        (parts, last) => {
          // Something in front: a template that is one reference and nothing else keeps its value's type.
          const text = `-${parts.flat().join("")}${last}`;
          expect(outcome(text)).toEqual(asHandlebars(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["{{ b }}", 2],
    ["{{l}}", ["x", "y"]],
    ["{{ c.d.e }}", "deep"],
    ["{{n}}", null],
  ])("%s alone keeps its type", (text, value) => {
    expect(outcome(text)).toEqual(value);
  });

  test.each([
    "{{ default a 1 }}",
    "{{#if a}}x{{/if}}",
    "{{{a}}}",
    "\\{{a}}",
    "{{~a}}",
    "{{@index}}",
    "{{../a}}",
  ])("%s is left to Handlebars", (text) => {
    expect(plainTemplate(text, () => ({ file: "t.hbs", line: 1, column: 1 }))).toBeUndefined();
  });
});
