import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PLUMB } from "../built-plumb.ts";

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Where a test file's vaults lie, and Plumb is started. */
export const folder = mkdtempSync(path.join(tmpdir(), "plumb-vault-cli-"));

/** Starts `plumb vault`. */
export function start(args: readonly string[], { stdin = "", env = {} as NodeJS.ProcessEnv } = {}) {
  const child = spawn(process.execPath, [PLUMB, "vault", ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  child.stdin.end(stdin);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("latin1");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout: Buffer.from(stdout, "latin1").toString(), stderr })),
  );
  return { child, ended };
}

/** Runs `plumb vault` to its end. */
export const vault = (
  args: readonly string[],
  more: { stdin?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> => start(args, more).ended;

export const at = (name: string): string => path.join(folder, name);
export const write = (name: string, text: string): string => {
  writeFileSync(at(name), text);
  return name;
};
export const read = (name: string): string => readFileSync(at(name), "utf8");
/** What Ansible finds in a vaulted file. */
export const ansibleView = (name: string, ...ids: string[]): string =>
  execFileSync("ansible-vault", ["view", ...ids.flatMap((id) => ["--vault-id", id]), name], {
    cwd: folder,
    // Ansible refuses to start without UTF-8.
    env: { ...process.env, LC_ALL: "C.UTF-8" },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });

/** Two passwords, in files that `--vault-password-file` may name. */
write("pass", "first password\n");
write("pass2", "second password\n");
