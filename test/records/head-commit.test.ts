import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { headCommit } from "../../src/records/head-commit.ts";

function git(folder: string, ...words: string[]): string {
  const settings = [
    "-c",
    "user.name=Test",
    "-c",
    "user.email=test@example.org",
    "-c",
    "init.defaultBranch=main",
  ];
  return execFileSync("git", [...settings, "-C", folder, ...words], { encoding: "utf8" }).trim();
}

/** A repository with a commit and a tag. */
function repository(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-head-"));
  git(folder, "init", "-q");
  git(folder, "commit", "-q", "--allow-empty", "-m", "one");
  git(folder, "tag", "one");
  return folder;
}

describe("the commit that a folder is at", () => {
  const ways: [string, (folder: string) => string][] = [
    ["on a branch", (folder) => folder],
    [
      "in a folder of the repository",
      (folder) => {
        mkdirSync(path.join(folder, "a/b"), { recursive: true });
        return path.join(folder, "a/b");
      },
    ],
    [
      "where references are packed",
      (folder) => {
        git(folder, "pack-refs", "--all");
        return folder;
      },
    ],
    [
      "with no branch",
      (folder) => {
        git(folder, "commit", "-q", "--allow-empty", "-m", "two");
        git(folder, "checkout", "-q", "--detach", "one");
        return folder;
      },
    ],
    [
      "in another work tree",
      (folder) => {
        git(folder, "worktree", "add", "-q", "-b", "other", `${folder}-other`);
        git(`${folder}-other`, "commit", "-q", "--allow-empty", "-m", "two");
        return `${folder}-other`;
      },
    ],
  ];

  test.each(ways)("is what git says, %s", (_, prepare) => {
    const folder = prepare(repository());
    expect(headCommit(folder)).toBe(git(folder, "rev-parse", "HEAD"));
  });

  test("is none outside of a repository, and before the first commit", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "plumb-head-"));
    expect(headCommit(folder)).toBeUndefined();
    git(folder, "init", "-q");
    expect(headCommit(folder)).toBeUndefined();
  });
});
