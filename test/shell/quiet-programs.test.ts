import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withQuietPrograms } from "../../src/shell/quiet-programs.ts";
import { refusedProgram } from "../../src/shell/refused-programs.ts";
import { rawShell } from "../../src/shell/shell-text.ts";

const SECRET = "it's hidden-4471";
/** As the shell has it inside of quotes. */
const WRITTEN = SECRET.replaceAll("'", "'\\''");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "plumb-quiet-"));
  mkdirSync(path.join(folder, "bin"));
  // Each program writes down what it was shown, and is what it is.
  writeFileSync(
    path.join(folder, "bin/spy"),
    `#!/bin/sh\nprintf '%s\\n' "$0 $*" >> ${folder}/seen\nexec "/usr/bin/\${0##*/}" "$@"\n`,
  );
  chmodSync(path.join(folder, "bin/spy"), 0o755);
  for (const name of "base64 cat chgrp chmod chown cp du find ln ls mkdir mktemp mv perl readlink realpath rm sha256sum stat sync tar touch wc xargs".split(
    " ",
  ))
    symlinkSync("spy", path.join(folder, "bin", name));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the text prints on its own, and what it prints when its programs are shown no secret. */
function both(text: string, secrets: readonly string[] = [WRITTEN]) {
  const work = path.join(folder, "work");
  const run = (script: string) => {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(path.join(work, SECRET, "below"), { recursive: true });
    writeFileSync(path.join(work, SECRET, SECRET), "content\n", { mode: 0o640 });
    writeFileSync(path.join(work, SECRET, "empty"), "");
    symlinkSync(`to ${SECRET}`, path.join(work, SECRET, "link"));
    writeFileSync(path.join(folder, "seen"), "");
    const { stdout, stderr, status } = spawnSync("/bin/sh", ["-s"], {
      cwd: work,
      input: `umask 022\ns='${WRITTEN}'\n${script}`,
      env: { PATH: `${path.join(folder, "bin")}:/usr/bin:/bin`, LC_ALL: "C.UTF-8" },
    });
    const seen = readFileSync(path.join(folder, "seen"), "utf8");
    return { stdout: stdout.toString(), stderr: stderr.toString(), status, seen };
  };
  return { plain: run(text), quiet: run(withQuietPrograms(rawShell(text), secrets).shell), work };
}

describe("a program does the same without being shown a secret:", () => {
  test.each([
    [
      "stat",
      `stat --printf '%n\\0%F\\0%a\\0%U\\0%G\\0%u\\0%g\\0%s\\0%Y\\0%d\\0%h\\0' -- "$s" "$s/$s" "$s/empty" "$s/none"`,
    ],
    ["stat -L", `stat -L -c '%F:%a:%s %%' -- "$s/link" "$s/$s" /dev/null`],
    ["stat of a mount", `stat -c %m -- "$s/$s"`],
    ["readlink", `readlink -n -- "$s/link"; readlink -- "$s/$s"`],
    [
      "mkdir",
      `mkdir -- "$s/new"; mkdir -p -- "$s/a/$s/c" "$s"; mkdir -m 0700 -- "$s/p"; mkdir -- "$s"; stat -c %a "$s/new" "$s/p" "$s/a/$s/c"`,
    ],
    [
      "mv",
      `mv -fT -- "$s/$s" "$s/empty"; mv -fT -- "$s/empty" "$s/below"; mv -f -- "$s/empty" "$s/below"; find . | sort`,
    ],
    [
      "ln",
      `ln -sfnT -- "$s/x" "$s/link"; ln -fT -- "$s/$s" "$s/empty"; ln -s "$s" "$s/below"; ln -s y "$s/link"; find . -printf '%p %l %n\\n' | sort`,
    ],
    [
      "rm",
      `rm -- "$s/below"; rm -f -- "$s/none" "$s/$s"; rm -rf -- "$s/below"; find . | sort; rm -rf -- "./$s"; ls -A`,
    ],
    [
      "chmod",
      `chmod -- 0600 "$s/$s"; chmod --reference="$s/$s" -- "$s/empty"; chmod 0700 "$s/none"; stat -c %a "$s/$s" "$s/empty"`,
    ],
    ["touch", `touch -h -c -m -d 2026-01-31T12:00:00Z -- "$s/$s"; stat -c %Y "$s/$s"`],
    [
      "cp",
      `cp -pP -- "$s/$s" copy; cp -a -- "$s/link" "$s/copied"; cp -a -- "$s" "tree-$s"; find . -printf '%p %m %l %s\\n' | sort`,
    ],
    ["sha256sum", `sha256sum -z -- "$s/$s" "$s/empty" | tr '\\0' '!'`],
    ["cat", `cat -- "$s/$s" "$s/none"; sync -- "$s/$s"; base64 -w0 -- "$s/$s"`],
    ["find", `find "$s" -xdev -type f -printf '%p %m\\n' | sort; find -L "$s" "$s/none" -maxdepth 0`],
    ["ls", `ls -A -- "$s"`],
    [
      "tar",
      `tar --create --sort=name --format=gnu --numeric-owner --mtime=@0 --exclude=below -f - -- "$s" | tar --list -f -`,
    ],
    [
      "tar of a file",
      `tar --create -f x.tar -C / etc/hostname; mv x.tar "$s/$s"; tar -C "$s" -f "$s/$s" -x; cat "$s/etc/hostname"`,
    ],
    [
      "a program that is shown none",
      `stat -c %n .; tar --create -f - -- . | wc -c | tr -d ' 0-9'; cat < "$s/$s"`,
    ],
  ])("%s", (_, text) => {
    const { plain, quiet } = both(text);
    expect(quiet.stdout).toBe(plain.stdout);
    expect(quiet.status === 0).toBe(plain.status === 0);
    expect(quiet.stderr === "").toBe(plain.stderr === "");
    expect(quiet.seen).not.toContain("hidden-4471");
  });

  test.runIf(process.getuid?.() === 0)("chown", () => {
    const { plain, quiet } = both(
      `chown -- daemon:bin "$s/$s"; chown -hR -- 7:8 "$s/below"; chgrp -- 9 "$s/empty"; chown -h -- 11 "$s/link"; chown -- nobody-here "$s/$s"; stat -c '%U:%G' "$s/$s" "$s/below" "$s/empty" "$s/link"`,
    );
    expect(quiet.stdout).toBe(plain.stdout);
    expect(quiet.stderr === "").toBe(plain.stderr === "");
    expect(quiet.seen).not.toContain("hidden-4471");
  });

  test("mktemp", () => {
    const { quiet } = both(
      `made=$(mktemp -d --suffix=.x -- "$s"/tempXXXXXXXXXX); printf '%s' "$made"; rmdir "$made"`,
    );
    expect(quiet.stdout).toMatch(/^it's hidden-4471\/temp\w{10}\.x$/);
    expect(quiet.seen).not.toContain("hidden-4471");
  });
});

describe("what can't be done without showing it is not done:", () => {
  test.each([
    ["a program that is not known so well", `du -s "$s"`],
    ["an option that is not known", `stat -f "$s"`],
    ["a name among the conditions of find", `find . -name "$s"`],
    ["a program that find starts", `find "$s" -exec ls {} +`],
    ["names that come on standard input", `find "$s" -print0 | xargs -0 stat -c %s`],
    ["a symbolic mode", `chmod u+x "$s/$s"`],
  ])("%s", (_, text) => {
    const { quiet } = both(text);
    expect(refusedProgram(quiet.stderr)).toMatch(/^\w+ was not run: a secret stands in a path/);
    expect(quiet.seen).not.toContain("hidden-4471");
  });

  test("anything, where there is no Perl", () => {
    const { work } = both(":");
    const bin = path.join(folder, "bare");
    mkdirSync(bin);
    symlinkSync("/usr/bin/stat", path.join(bin, "stat"));
    const { stderr, status } = spawnSync(
      "/bin/sh",
      ["-c", withQuietPrograms(rawShell(`stat -- '${WRITTEN}' 2>/dev/null`), [WRITTEN]).shell],
      { cwd: work, env: { PATH: bin } },
    );
    expect(refusedProgram(stderr.toString())).toContain("where there is Perl");
    expect(status).not.toBe(0);
  });

  test("a user or a version that is a secret is no path", () => {
    const { quiet } = both(`du -s --exclude=x . >/dev/null && echo done`, ["exclude"]);
    expect(quiet.stdout).toBe("done\n");
  });
});

test("what is there afterwards is what was meant", () => {
  const { work } = both(`mv -fT -- "$s/$s" "$s/empty"; ln -sfnT -- "$s" "$s/link"`);
  expect(existsSync(path.join(work, SECRET, SECRET))).toBe(false);
  expect(readFileSync(path.join(work, SECRET, "empty"), "utf8")).toBe("content\n");
  expect(readlinkSync(path.join(work, SECRET, "link"))).toBe(SECRET);
  expect(lstatSync(path.join(work, SECRET, "empty")).mode & 0o777).toBe(0o640);
  expect(execFileSync("find", [work, "-name", ".plumb-*"], { encoding: "utf8" })).toBe("");
});
