import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";

/** What a shell prints that knows Plumb as `plumb`. */
const shell = (script: string): string =>
  execFileSync("sh", ["-c", `plumb() { "$0" '${PLUMB}' "$@"; }\n${script}`, process.execPath], {
    encoding: "utf8",
  });

test("the help is the same into a pipe and a file, and may go nowhere", () => {
  const piped = shell("plumb --help");
  expect(piped).toContain("run [options] <playbook...>");
  expect(shell('file=$(mktemp); plumb --help > "$file"; cat "$file"; rm "$file"')).toBe(piped);
  expect(shell("plumb --help > /dev/null")).toBe("");
});

test("a reader who goes away ends the output, and is no error", () => {
  for (const command of ["run --help", "doc package", "completion bash"])
    expect(shell(`{ { sleep 0.5; plumb ${command} 2>&1; echo "ended with $?" >&3; } | true; } 3>&1`)).toBe(
      "ended with 0\n",
    );
});

/** The commands that a help text names, with those below them. */
function commandsBelow(above: string): string[] {
  const [, listed = ""] = shell(`plumb ${above} --help`).split("\nCommands:\n");
  return [...(listed.split("\n\n")[0] ?? "").matchAll(/^ {2}([a-z-]+)/gm)].flatMap(([, name = ""]) => {
    const command = `${above} ${name}`.trim();
    return name === "help" ? [] : [command, ...commandsBelow(command)];
  });
}

test("every command is taught by an example", () => {
  const commands = commandsBelow("");
  expect(commands).toContain("lab reset");
  expect(commands.filter((command) => !/\nExamples?\b/.test(shell(`plumb ${command} --help`)))).toEqual([]);
});

test("a module of one's own has a page as ours have", () => {
  const page = shell("cd examples/own-module; plumb doc ballast_file");
  expect(page).toContain("- `size_mb` (integer) **required**: Its size in MiB.");
  expect(page).toContain("- ballast_file: {path: /srv/ballast, size_mb: 16}");
});
