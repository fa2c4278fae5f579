import { execFileSync, spawnSync } from "node:child_process";
import { lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PathState, pathState } from "../../src/queries/path-state.ts";
import { type Answered, lastingPart } from "../../src/queries/query.ts";

import { fileWith } from "../modules/answers.ts";

const SHELLS: Record<string, readonly string[]> = {
  dash: ["dash"],
  bash: ["bash"],
  busybox: ["busybox", "sh"],
};

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "plumb-path-state-"));
  // Others may look in: links of theirs are only of use where they can be followed.
  execFileSync("chmod", ["755", folder]);
});

afterAll(() => rmSync(folder, { recursive: true }));

function ask(shell: readonly string[], names: readonly string[]): Answered<PathState>[] {
  const questions = names.map((name) => ({ path: path.join(folder, name), content: true }));
  const [program = "", ...rest] = shell;
  const { stdout, stderr, status } = spawnSync(program, [
    ...rest,
    "-c",
    pathState.kind.script(questions).script.shell,
  ]);
  return [...pathState.kind.parse({ stdout, stderr: stderr.toString(), exitCode: status ?? 0 }, questions)];
}

function bytesOf(answer: Answered<PathState> | undefined): Buffer | undefined {
  return answer?.known === true && answer.answer.type !== "absent" ? answer.answer.content : undefined;
}

const contentOf = (answer: Answered<PathState> | undefined): string | undefined =>
  bytesOf(answer)?.toString();

describe.each(Object.keys(SHELLS))("content asked through %s", (name) => {
  const shell = SHELLS[name] ?? [];

  test("of more files than a shell can open at once, whatever they are called, is each file's own", () => {
    const odd = ["with blanks  ", "it's", "$(id) `id`", "a\nb", "a", "-n", "*", 'q"uote', "ü"];
    const names = [...odd, ...Array.from({ length: 20 }, (_, index) => `plain${index}`)];
    for (const one of names) writeFileSync(path.join(folder, one), `this is ${one}`);
    const all = [...names.slice(0, 5), "missing", ...names.slice(5)];
    const answers = ask(shell, all);
    expect(answers.map(contentOf)).toEqual(
      all.map((one) => (one === "missing" ? undefined : `this is ${one}`)),
    );
  });

  test("is every byte of it, whatever bytes they are", () => {
    const contents = [
      "",
      "\0",
      "a\0",
      "a\0b",
      "\0\0\n",
      "/proc/self/fd/4\0b\0",
      "R\0C\0",
      "no end",
      "end\n",
      "\xff\xfe\0\x80",
    ];
    const files = contents.map((content, index) => ({
      name: `bytes${index}`,
      bytes: Buffer.from(content, "latin1"),
    }));
    for (const { name, bytes } of files) writeFileSync(path.join(folder, name), bytes);
    const answers = ask(
      shell,
      files.map(({ name }) => name),
    );
    expect(answers.map((answer) => bytesOf(answer)?.toString("latin1"))).toEqual(contents);
  });

  test("is not that of a large file, and of a link it is what the link leads to", () => {
    writeFileSync(path.join(folder, "large"), Buffer.alloc(256 * 1024 + 1, "x"));
    writeFileSync(path.join(folder, "small"), "small");
    rmSync(path.join(folder, "link"), { force: true });
    symlinkSync("small", path.join(folder, "link"));
    expect(ask(shell, ["large", "small", "link"]).map(contentOf)).toEqual([undefined, "small", "small"]);
  });

  test("is not read through the link of a user to what does not belong to that user, and is of the others beside it", () => {
    const theirs = path.join(folder, "theirs");
    rmSync(theirs, { recursive: true, force: true });
    mkdirSync(theirs);
    lchownSync(theirs, 12345, 12345);
    writeFileSync(path.join(folder, "secret"), "secret");
    writeFileSync(path.join(folder, "before"), "before");
    writeFileSync(path.join(folder, "after"), "after");
    symlinkSync(path.join(folder, "secret"), path.join(theirs, "trap"));
    lchownSync(path.join(theirs, "trap"), 12345, 12345);
    const answers = ask(shell, ["before", "theirs/trap", "after"]);
    expect(answers.map(contentOf)).toEqual(["before", undefined, "after"]);
    expect(answers[1]).toMatchObject({
      known: false,
      reason: expect.stringContaining("by a link of a user whom that does not belong to"),
    });
  });
});

test("what lasts of a directory is not how many names are in it; of a file its size is", () => {
  const size = (type: "directory" | "file"): unknown => {
    const { content: _, ...rest } = fileWith("x");
    return (lastingPart(pathState.kind, { ...rest, type }) as Record<string, unknown>)["sizeBytes"];
  };
  expect([size("directory"), size("file")]).toEqual([undefined, 1]);
});
