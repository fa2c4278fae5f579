import { readFileSync } from "node:fs";
import path from "node:path";
import type { Answered, QueryKind } from "../../src/queries/query.ts";

/** Both were asked with the same keys. */
export const RELEASES = ["bookworm", "trixie"] as const;

/**
 * What a query makes of output that was recorded on a lab host. The first line of a recording names host, operating system and tool.
 *
 * @param exitCode as it was when it was recorded.
 */
export function replay<Key, Answer>(
  kind: QueryKind<Key, Answer>,
  release: string,
  keys: readonly Key[],
  { exitCode = 0, stderr = "" } = {},
): readonly Answered<Answer>[] {
  const file = path.join("test/cases/queries", `${kind.name}.${release}.txt`);
  const text = readFileSync(file, "utf8");
  const stdout = Buffer.from(text.slice(text.indexOf("\n") + 1));
  return kind.parse({ stdout, stderr, exitCode }, keys);
}

/** The same of output that is written down in the test: for what no lab host says. */
export function parsed<Key, Answer>(
  kind: QueryKind<Key, Answer>,
  keys: readonly Key[],
  stdout: string,
  { exitCode = 0, stderr = "" } = {},
): readonly Answered<Answer>[] {
  return kind.parse({ stdout: Buffer.from(stdout), stderr, exitCode }, keys);
}
