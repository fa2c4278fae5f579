import fc from "fast-check";
import { expect, test } from "vitest";
import { splitWords, unquoted } from "../../src/playbook/split-words.ts";

test.each([
  ["", []],
  ["  a  b ", ["a", "b"]],
  ["a='b c' d", ["a='b c'", "d"]],
  ['a="b \\" c" d', ['a="b \\" c"', "d"]],
  ["a={{ b c }} d", ["a={{ b c }}", "d"]],
  ["a\\ b", ["a\\ b"]],
  ["it's one", ["it's one"]],
])("%j is split into %j", (text, words) => {
  expect(splitWords(text).map((word) => word.text)).toEqual(words);
});

test("words stand where they say, and nothing but blanks lies between them", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      let end = 0;
      for (const word of splitWords(text)) {
        expect(text.slice(word.start, word.end)).toBe(word.text);
        expect(text.slice(end, word.start).trim()).toBe("");
        end = word.end;
      }
      expect(text.slice(end).trim()).toBe("");
    }),
  );
});

test("quotes around a word come off, inside of it they stay", () => {
  expect(unquoted("'a b'")).toBe("a b");
  expect(unquoted('"a"')).toBe("a");
  expect(unquoted("'a\"")).toBe("'a\"");
  expect(unquoted("it's")).toBe("it's");
});
