import { spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { matchesScram, md5Secret } from "../../src/pgbouncer/scram.ts";
import { parseUserlist } from "../../src/pgbouncer/userlist.ts";
import { PLUMB } from "../built-plumb.ts";

/** The command as a shell would run it. */
async function plumb(
  words: readonly string[],
  input = "",
): Promise<{ status: number | null; said: string; complained: string }> {
  const child = spawn(process.execPath, [PLUMB, "pgbouncer", ...words], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(input);
  const status = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await status, said, complained };
}

describe("plumb pgbouncer userlist", () => {
  test("makes a verifier of a password from standard input, whatever stands in it", async () => {
    const { said, status } = await plumb(["userlist", 'o"ne', "--stdin"], 'pa"ss wörd\n');
    const [entry] = parseUserlist(said);
    expect(status).toBe(0);
    expect(entry?.user).toBe('o"ne');
    expect(matchesScram(entry?.secret ?? "", 'pa"ss wörd')).toBe(true);
  });

  test("takes it from a file or from a variable of the inventory too, and says whether it fits", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-userlist-"));
    const [password, inventory, userlist] = ["password", "hosts.ini", "userlist.txt"].map((name) =>
      path.join(folder, name),
    ) as [string, string, string];
    await writeFile(password, "of a file\n");
    await writeFile(inventory, "one app_password=of-a-variable\n");
    const fromFile = await plumb(["userlist", "app", "--password-file", password, "--form", "plain"]);
    expect(fromFile.said).toBe('"app" "of a file"\n');
    const fromVariable = await plumb(["userlist", "app", "--variable", "app_password", "-i", inventory]);
    await writeFile(userlist, fromVariable.said);
    expect((await plumb(["userlist", "app", "--stdin", "--verify", userlist], "of-a-variable")).status).toBe(
      0,
    );
    expect((await plumb(["userlist", "app", "--stdin", "--verify", userlist], "another")).status).toBe(1);
  }, 60_000);

  test("md5 comes with a warning; no password comes by the command line, and none is made up", async () => {
    const md5 = await plumb(["userlist", "app", "--stdin", "--form", "md5"], "secret");
    expect(parseUserlist(md5.said)).toEqual([{ user: "app", secret: md5Secret("app", "secret") }]);
    expect(md5.complained).toContain("md5 is weak");
    // Nobody is at a terminal here: it says how else it takes one.
    expect((await plumb(["userlist", "app"])).complained).toMatch(/--stdin, --password-file or --variable/);
    for (const [words, input] of [
      [["userlist", "app", "secret"], ""],
      [["userlist", "app"], ""],
      [["userlist", "app", "--stdin"], ""],
      [["userlist", "app", "--stdin", "--form", "plain"], md5Secret("app", "secret")],
      [["userlist", "app", "--stdin", "--iterations", "3"], "secret"],
    ] as const)
      expect((await plumb(words, input)).status).toBe(2);
  }, 60_000);
});

describe("plumb pgbouncer size", () => {
  test("gives the largest pool that fits, with the arithmetic", async () => {
    const numbers = [
      "--max-connections",
      "200",
      "--users",
      "3",
      "--databases",
      "2",
      "--hosts",
      "2",
      "--processes",
      "2",
    ];
    const { said, status } = await plumb(["size", ...numbers]);
    expect(status).toBe(0);
    expect(said).toContain("largest default_pool_size  8");
    expect(said).toContain("× 4 processes = 192");
  });

  test("says no to what does not fit, by its exit status too", async () => {
    const { said, status } = await plumb([
      "size",
      "--max-connections",
      "100",
      "--pool-size",
      "50",
      "--users",
      "2",
      "--json",
    ]);
    expect(status).toBe(1);
    expect(JSON.parse(said)).toMatchObject([{ fits: false, ceiling: 100, left: 92, largestPoolSize: 46 }]);
    expect((await plumb(["size", "--max-connections", "many"])).status).toBe(2);
  });
});
