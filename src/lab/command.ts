import { spawn } from "node:child_process";

/** A command of this machine failed. */
export class CommandFailure extends Error {
  readonly stderr: string;

  constructor(command: readonly string[], exit: string, stderr: string) {
    super(
      `${command.join(" ")}: ${exit}${stderr.trim() === "" ? "" : `: ${stderr.trim().split("\n").slice(-8).join("\n")}`}`,
    );
    this.name = "CommandFailure";
    this.stderr = stderr;
  }
}

/** Runs a command on this machine and gives its standard output. @throws CommandFailure */
export function runCommand(
  command: readonly [string, ...string[]],
  options: { onLine?: (line: string) => void; input?: string } = {},
): Promise<string> {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      const line = chunk.toString().trim().split("\n").at(-1);
      if (line !== undefined && line !== "") options.onLine?.(line);
    });
    child.on("error", (error) => reject(new CommandFailure(command, error.message, "")));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new CommandFailure(command, signal === null ? `exit ${code}` : signal, stderr));
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a command that may find nothing to do: a failure is an answer. */
export async function tryCommand(command: readonly [string, ...string[]]): Promise<boolean> {
  return runCommand(command).then(
    () => true,
    () => false,
  );
}
