import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Value } from "../../src/variables/value.ts";

/** What Ansible said to something, or why it refused. */
export type Answered<Answer> = { value: Answer; error?: undefined } | { value?: undefined; error: string };

/** Files of a case by path; a text that begins with `#!` is made executable. */
export type CaseFiles = Readonly<Record<string, string>>;

export interface InventoryCase {
  kind: "inventory";
  folder: string;
  sources: readonly string[];
  patterns?: readonly string[];
  limits?: readonly string[];
  options?: Readonly<Record<string, Value>>;
}

export interface InventoryAnswer {
  list: Record<string, Value>;
  graph: string;
  patterns: Record<string, Answered<string[]>>;
  limits: Record<string, Answered<string[]>>;
}

/** A folder for the cases of one test, and its end. */
export async function caseFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-oracle-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

export async function writeFiles(folder: string, files: CaseFiles): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    if (text.startsWith("#!")) await chmod(file, 0o755);
  }
}

/** Asks Ansible about all cases in one process: it takes a second to start. */
export async function askAnsible<Answer>(cases: readonly object[]): Promise<Answered<Answer>[]> {
  const driver = fileURLToPath(new URL("answer_as_ansible.py", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = execFile(
      "/usr/bin/python3",
      [driver],
      { maxBuffer: 1 << 30, timeout: 120_000 },
      (error, stdout, stderr) => {
        if (error !== null)
          reject(
            new Error(`Ansible gave no answer: is ansible-core installed? ${stderr.slice(-2000)}`, {
              cause: error,
            }),
          );
        else resolve(JSON.parse(stdout) as Answered<Answer>[]);
      },
    );
    child.stdin?.end(JSON.stringify(cases));
  });
}
