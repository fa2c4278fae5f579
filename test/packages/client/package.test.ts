import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Recorder } from "../../../packages/client/src/metrics.ts";
import { prometheusText } from "../../../packages/client/src/prometheus.ts";

const run = promisify(execFile);

test("the package builds, and another program can use every part that it exports", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-client-"));
  const own = path.join(folder, "node_modules/@plumb/pooled-postgres");
  await cp("packages/client/package.json", path.join(own, "package.json"), { recursive: true });
  await run("node_modules/.bin/tsc", [
    "-p",
    "packages/client/tsconfig.json",
    "--outDir",
    path.join(own, "dist"),
  ]);
  for (const name of ["pg", "cockatiel"])
    await symlink(path.resolve("node_modules", name), path.join(folder, "node_modules", name));
  const program = `
    import { openDatabase } from "@plumb/pooled-postgres";
    import { DatabaseError } from "@plumb/pooled-postgres/errors";
    import { prometheusText } from "@plumb/pooled-postgres/prometheus";
    const database = openDatabase({ url: "postgresql://a:b@127.0.0.1:1/c", deadlineMs: 50 });
    const error = await database.query("select 1").catch((error) => error);
    console.log(error instanceof DatabaseError, error.outcome, prometheusText(database.metrics()).split("\\n")[2]);
    await database.close();`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], { cwd: folder });
  expect(stdout).toBe('true not-sent pooled_postgres_calls_total{kind="query",result="deadline"} 1\n');
});

test("the package wants the versions that are tested here", async () => {
  const read = async (file: string) =>
    JSON.parse(await readFile(file, "utf8")) as Record<
      "dependencies" | "devDependencies",
      Record<string, string>
    >;
  const [own, main] = [await read("packages/client/package.json"), await read("package.json")];
  for (const [name, version] of Object.entries(own.dependencies))
    expect({ ...main.dependencies, ...main.devDependencies }[name]).toBe(version);
});

test("metrics are text that Prometheus reads: every family once, buckets that only grow, labels escaped", () => {
  const recorder = new Recorder();
  for (const seconds of [0.003, 0.003, 7, 60]) recorder.ended("query", undefined, seconds);
  const text = prometheusText(recorder.read("open", { totalCount: 3, idleCount: 1, waitingCount: 2 }, 10), {
    service: 'a"b\\c',
  });
  const types = text.split("\n").filter((line) => line.startsWith("# TYPE"));
  expect(new Set(types).size).toBe(types.length);
  expect(text).toContain('pooled_postgres_circuit_state{service="a\\"b\\\\c",state="open"} 1');
  const buckets = [...text.matchAll(/call_duration_seconds_bucket\{.*\} (\d+)/g)].map(([, count]) =>
    Number(count),
  );
  expect(buckets).toEqual(buckets.toSorted((one, other) => one - other));
  expect(buckets.at(-1)).toBe(4);
  expect(buckets.at(-2)).toBe(3);
});
