import { describe, expect, test } from "vitest";
import { diffEditedFile, type FileEdit } from "../../src/modules/edited-file.ts";
import { find } from "../../src/modules/find.ts";
import { ModuleFailure } from "../../src/modules/module.ts";
import { pythonPattern } from "../../src/modules/python-pattern.ts";
import { evaluate } from "../../src/variables/evaluate.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import { parseVariables } from "../../src/variables/variables-file.ts";
import { fileWith, SITUATION } from "./answers.ts";

const EVIL = "^(a+)+$";
const BAIT = `${"a".repeat(40)}!`;

describe("a pattern that needs years for what a host holds", () => {
  test("is cut off in the text of a file, and the task fails", () => {
    const edit: FileEdit = {
      path: "/etc/a",
      create: false,
      edit: (text) => (pythonPattern(EVIL).test(text) ? "" : text),
    };
    expect(() => diffEditedFile(edit, fileWith(BAIT), SITUATION)).toThrow(ModuleFailure);
  });

  test("is cut off in the names of files that are found, and the task fails", () => {
    const want = find.params.parse({ paths: "/srv", patterns: EVIL, use_regex: true });
    const file = { path: `/srv/${BAIT}`, type: "f", size: 1, mtime: 0 };
    const at = { files: [file], examined: 1, skipped: new Map(), nowSeconds: 0 };
    const answers = { at } as unknown as Parameters<typeof find.diff>[1];
    expect(() => find.diff(want, answers, SITUATION)).toThrow(/more than a second/);
  });

  test("is cut off in an expression, and in the functions for patterns", () => {
    for (const call of [`'${BAIT}'.matches('${EVIL}')`, `regex_search('${BAIT}', '${EVIL}')`]) {
      const variables = parseVariables(`found: !expr ${JSON.stringify(call)}\n`, "vars.yml");
      const found = variables.get("found");
      const scope = createScope({ layers: [{ level: "test", variables }] });
      expect(() => found && evaluate(found.value, scope)).toThrow(/needs more than 1 s/);
    }
  });
});
