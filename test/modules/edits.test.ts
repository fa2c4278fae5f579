import { describe, expect, test } from "vitest";
import { blockinfile } from "../../src/modules/blockinfile.ts";
import { iniFile } from "../../src/modules/ini-file.ts";
import { lineinfile } from "../../src/modules/lineinfile.ts";
import { replace } from "../../src/modules/replace.ts";
import { fileWith, SITUATION } from "./answers.ts";

/** What a module makes of a text; it must make nothing more of that. */
function edited(
  module: typeof lineinfile | typeof replace | typeof blockinfile | typeof iniFile,
  text: string,
  rest: object,
): string {
  const run = (from: string): string => {
    const want = module.params.parse({ path: "/f", ...rest }) as never;
    const change = module.diff(want, { at: fileWith(from) } as never, SITUATION);
    return change.action === "none" ? from : change.detail.text;
  };
  const after = run(text);
  expect(run(after)).toBe(after);
  return after;
}

describe("lineinfile", () => {
  test.each([
    [
      "backrefs keep what stands around",
      "a=1 # x\nb\n",
      { regexp: "^a=\\d(.*)$", line: "a=2\\1", backrefs: true },
      "a=2 # x\nb\n",
    ],
    [
      "backrefs by name, in Python's words",
      "k: 1\n",
      { regexp: "^(?P<key>k): \\d$", line: "\\g<key>: 2", backrefs: true },
      "k: 2\n",
    ],
    [
      "backrefs without a match change nothing",
      "b\n",
      { regexp: "^(a)$", line: "\\1x", backrefs: true },
      "b\n",
    ],
    ["the last match is replaced", "a1\na2\n", { regexp: "^a", line: "a9" }, "a1\na9\n"],
    ["with firstmatch the first", "a1\na2\n", { regexp: "^a\\d", line: "a9", firstmatch: true }, "a9\na2\n"],
    [
      "firstmatch counts for the place too",
      "x\ny\nx\n",
      { line: "n", insertafter: "^x", firstmatch: true },
      "x\nn\ny\nx\n",
    ],
    [
      "dollars and backslashes are themselves without backrefs",
      "a\n",
      { regexp: "^a$", line: "$& \\1" },
      "$& \\1\n",
    ],
    ["insertbefore BOF", "a\n", { line: "n", insertbefore: "BOF" }, "n\na\n"],
  ])("%s", (_, text, rest, wanted) => {
    expect(edited(lineinfile, text, rest)).toBe(wanted);
  });

  test("a line that would grow on every run is refused", () => {
    expect(() => edited(lineinfile, "a\n", { regexp: "^(a+)$", line: "\\1a", backrefs: true })).toThrow(
      "on every run",
    );
  });

  test.each([
    [{ line: "x", insertafter: "(" }],
    [{ line: "x", backrefs: true }],
    [{ line: "x", dest: "/g" }],
    [{ line: "a\nb" }],
  ])("%j is refused", (rest) => {
    expect(lineinfile.params.safeParse({ path: "/f", ...rest }).success).toBe(false);
  });
});

describe("blockinfile", () => {
  const marks = { marker: "# {mark}" };
  test.each([
    [
      "marks of one's own",
      "a\n",
      { block: "x", marker: "<!-- {mark} -->", marker_begin: "$&", marker_end: "bye" },
      "a\n<!-- $& -->\nx\n<!-- bye -->\n",
    ],
    [
      "empty lines around a new block",
      "a\nb\n",
      { ...marks, content: "x", insertafter: "^a", prepend_newline: true, append_newline: true },
      "a\n\n# BEGIN\nx\n# END\n\nb\n",
    ],
    [
      "no empty line at the ends of the file",
      "",
      { ...marks, block: "x", prepend_newline: true, append_newline: true },
      "# BEGIN\nx\n# END\n",
    ],
    [
      "a block that is there is replaced where it is",
      "# BEGIN\ny\n# END\na\n",
      { ...marks, block: "x" },
      "# BEGIN\nx\n# END\na\n",
    ],
    ["no block, no marks", "# BEGIN\ny\n# END\na\n", { ...marks, block: "" }, "a\n"],
  ])("%s", (_, text, rest, wanted) => {
    expect(edited(blockinfile, text, rest)).toBe(wanted);
  });
});

describe("ini_file", () => {
  test.each([
    [
      "an option that stands alone",
      "[s]\n",
      { section: "s", option: "flag", allow_no_value: true },
      "[s]\nflag\n",
    ],
    [
      "an option that stands alone gets a value",
      "[s]\nflag\n",
      { section: "s", option: "flag", value: 1 },
      "[s]\nflag = 1\n",
    ],
    ["a section without options", "a = 1\n", { section: "s" }, "a = 1\n\n[s]\n"],
    [
      "a section goes with all in it",
      "[s]\na = 1\n\n[t]\na = 2\n",
      { section: "s", state: "absent" },
      "[t]\na = 2\n",
    ],
    [
      "an option that stands alone goes",
      "[s]\nflag\nother\n",
      { section: "s", option: "flag", state: "absent" },
      "[s]\nother\n",
    ],
  ])("%s", (_, text, rest, wanted) => {
    expect(edited(iniFile, text, rest)).toBe(wanted);
  });

  test("an option needs a value", () => {
    expect(iniFile.params.safeParse({ path: "/f", section: "s", option: "a" }).success).toBe(false);
  });
});

describe("replace", () => {
  test.each([
    ["every match on every line", "a a\na\n", { regexp: "a", replace: "b" }, "b b\nb\n"],
    ["only behind a mark", "a\n#\na\n", { regexp: "^a$", replace: "b", after: "^#$" }, "a\n#\nb\n"],
    [
      "only before the last mark",
      "a\n#\na\n#\na\n",
      { regexp: "^a$", replace: "b", before: "^#$" },
      "b\n#\nb\n#\na\n",
    ],
    [
      "between a pair, the nearest",
      "a<a>a>a",
      { regexp: "a", replace: "b", after: "<", before: ">" },
      "a<b>a>a",
    ],
    ["nowhere when a mark is missing", "a\n", { regexp: "a", replace: "b", after: "nothing" }, "a\n"],
    ["groups", "key=1\n", { regexp: "(\\w+)=1", replace: "\\g<1>=$1\\n" }, "key=$1\n\n"],
  ])("%s", (_, text, rest, wanted) => {
    expect(edited(replace, text, rest)).toBe(wanted);
  });

  test("a group that is not there is an error that names it", () => {
    expect(() => edited(replace, "a", { regexp: "a", replace: "\\2" })).toThrow("no group 2");
  });
});
