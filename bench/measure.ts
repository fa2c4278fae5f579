import { spawn } from "node:child_process";

export interface Measured {
  ms: number;
  cpuMs: number;
  maxRssKb: number;
  /** Standard output; nothing of it where `eachLine` was told. */
  output: string;
}

export interface RunOptions {
  environment?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Told each line of standard output, which is not kept then: a run on thousands of hosts says a lot. */
  eachLine?: (line: string) => void;
}

/** What a machine sets for all that runs on Node.js, such as more authorities to read at each start, is not Plumb's time. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("NODE_")),
);

/** Runs a command to its end. @throws Error when its status is not 0 */
export function measure(
  command: string,
  args: readonly string[],
  { environment, cwd, eachLine }: RunOptions = {},
): Promise<Measured> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn("/usr/bin/env", ["time", "-f", "USED %U %S %M", command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...ENVIRONMENT, ...environment },
      ...(cwd === undefined ? {} : { cwd }),
    });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (eachLine === undefined) return;
      const lines = output.split("\n");
      output = lines.pop() ?? "";
      lines.forEach(eachLine);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const ms = performance.now() - started;
      const said = `${output.slice(-3000)}${errors.slice(-3000)}`;
      if (code !== 0) return reject(new Error(`${command} ${args.join(" ")}: status ${code}: ${said}`));
      const [, user, system, rss] = /USED (\S+) (\S+) (\d+)\s*$/.exec(errors) ?? [];
      resolve({ ms, cpuMs: (Number(user) + Number(system)) * 1000, maxRssKb: Number(rss), output });
    });
  });
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
