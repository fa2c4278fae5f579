import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { inputError } from "../diagnostics/diagnostic.ts";
import { isValueMap, type Value, type ValueMap } from "../variables/value.ts";

/**
 * The facts that `set_fact` with `cacheable: true` has set on a host in earlier runs: one JSON file a host, which nobody else can read.
 *
 * @throws DiagnosticsError file-unreadable
 */
export async function cachedFacts(folder: string, host: string): Promise<ValueMap> {
  const file = fileOf(folder, host);
  let problem: string;
  try {
    const facts = JSON.parse(await readFile(file, "utf8")) as Value;
    if (isValueMap(facts)) return facts;
    problem = "it holds no JSON object";
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    problem = error instanceof Error ? error.message : String(error);
  }
  throw inputError("file-unreadable", `the cached facts of ${host} can't be read: ${problem}`, {
    hint: `remove ${file}: the next run makes it anew`,
  });
}

/** Adds facts to those of a host. A reader sees the old file or the new one, never half of one. */
export async function cacheFacts(folder: string, host: string, facts: ValueMap): Promise<void> {
  const file = fileOf(folder, host);
  const all = { ...(await cachedFacts(folder, host)), ...facts };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(all, undefined, 2)}\n`, { mode: 0o600 });
  await rename(temporary, file);
}

function fileOf(folder: string, host: string): string {
  return path.join(folder, `${encodeURIComponent(host).replaceAll(".", "%2E")}.json`);
}
