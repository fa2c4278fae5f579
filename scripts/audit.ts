/**
 * Asks the registry whether anything is known against the packages that Plumb is shipped with. Where it does not answer (no network, a mirror that knows nothing of it), that is said, and
 * nothing fails: what is locked by hash is the same as yesterday.
 */
import { spawnSync } from "node:child_process";

interface Report {
  vulnerabilities?: Record<
    string,
    { severity: string; range: string; via: (string | { title?: string; url?: string })[] }
  >;
  error?: { summary?: string };
  message?: string;
}

const { stdout, error } = spawnSync(
  "npm",
  ["audit", "--json", "--omit=dev", "--fetch-retries=0", "--fetch-timeout=15000"],
  {
    encoding: "utf8",
    timeout: 30_000,
  },
);

function parsed(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return undefined;
  }
}

const report = parsed(stdout ?? "");
if (report?.vulnerabilities === undefined) {
  const why = error?.message || report?.error?.summary || report?.message || "no answer";
  process.stdout.write(
    `Known weaknesses of packages: the registry could not be asked (${why.split("\n")[0]}).\n`,
  );
} else {
  const found = Object.entries(report.vulnerabilities);
  for (const [name, { severity, range, via }] of found) {
    const what = via
      .map((one) => (typeof one === "string" ? one : `${one.title ?? ""} ${one.url ?? ""}`))
      .join("; ");
    process.stdout.write(`${severity}: ${name} ${range}: ${what}\n`);
  }
  process.stdout.write(`Known weaknesses of packages: ${found.length === 0 ? "none" : found.length}.\n`);
  if (found.some(([, { severity }]) => severity === "high" || severity === "critical")) process.exitCode = 1;
}
