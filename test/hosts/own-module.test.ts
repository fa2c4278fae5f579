import { cp, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { runPlaybook } from "./converge.ts";
import { onHost } from "./lab-hosts.ts";

test("the example of a module of one's own keeps all a module's promises", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-own-"));
  await cp("examples/own-module/library", path.join(folder, "library"), { recursive: true });
  const yaml = await readFile("examples/own-module/play.yml", "utf8");
  const run = (check = false) => runPlaybook(yaml, { hosts: ["trixie1"], check }, folder);
  expect((await run(true)).statuses).toEqual(["would-change ballast_file"]);
  expect((await run()).statuses).toEqual(["changed ballast_file"]);
  expect(await onHost("trixie1", "stat -c %s /srv/ballast")).toBe(`${3 * 1024 * 1024}\n`);
  expect((await run()).statuses).toEqual(["ok ballast_file"]);
  await onHost("trixie1", "truncate -s 5 /srv/ballast");
  expect((await run(true)).statuses).toEqual(["would-change ballast_file"]);
  expect((await run()).statuses).toEqual(["changed ballast_file"]);
});
