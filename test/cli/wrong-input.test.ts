import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";

test.each<[string[], string]>([
  [["nonsense"], "unknown command 'nonsense'\n(plumb --help shows what there is)"],
  [["show"], "missing required argument 'plan'\n(plumb show --help shows what there is)"],
  [["history", "show"], "missing required argument 'run'\n(plumb history show --help shows what there is)"],
  [["pgbouncer", "size", "--nonsense"], "(plumb pgbouncer size --help shows what there is)"],
  [["show", "nonsense.plan"], "there is no plan nonsense.plan"],
  [["apply", "nonsense.plan"], "there is no plan nonsense.plan"],
  [["plan", "site.yml", "--remove"], "--remove goes with --orphans"],
  [["history", "--status", "nonsense"], "expected: ok, changed, would-change, unknown, failed"],
])("plumb %j is wrong input, and what is wrong is said", (typed, said) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PLUMB, ...typed], { encoding: "utf8" });
  expect(stderr).toContain(said);
  expect(stdout).toBe("");
  expect(status).toBe(2);
});
