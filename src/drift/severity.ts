import { REDACTED } from "../diagnostics/secrets.ts";
import type { PlannedTask } from "../plans/plan.ts";

export const SEVERITIES = ["high", "medium", "low"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a user says of everything that fits: a module, the title of a task, or the name of a difference (a path, a package). */
export interface SeverityRule {
  fits: RegExp;
  severity: Severity;
}

/** Who may do what on a host, and who may reach it. */
const GUARDS: ReadonlySet<string> = new Set([
  "acl",
  "apt_key",
  "authorized_key",
  "group",
  "iptables",
  "known_hosts",
  "nftables",
  "pam_limits",
  "pgbouncer_hba",
  "pgbouncer_userlist",
  "postgresql_user",
  "sshd_config",
  "tls_ca",
  "tls_certificate",
  "ufw",
  "user",
]);

/** Fields that say who may read and write. */
const RIGHTS: ReadonlySet<string> = new Set(["mode", "owner", "group", "attributes"]);

/** What the user says, the last word first; otherwise high if the task failed, its module guards the host, or rights or a secret differ, and medium (docs/drift.md). */
export function severityOf(task: PlannedTask, rules: readonly SeverityRule[] = []): Severity {
  const names = [task.module, task.title, ...task.differences.map(({ name }) => name)];
  const said = rules.findLast(({ fits }) => names.some((name) => fits.test(name)));
  if (said !== undefined) return said.severity;
  const isHigh =
    task.status === "failed" ||
    GUARDS.has(task.module) ||
    task.differences.some((one) => (one.kind === "field" && RIGHTS.has(one.name)) || secretDiffers(one));
  return isHigh ? "high" : "medium";
}

/** A secret is one by itself, or stands masked in a line that differs; in a line that stays it is as wanted. */
function secretDiffers({ secret, before = "", after = "" }: PlannedTask["differences"][number]): boolean {
  if (secret === true) return true;
  const [was, willBe] = [before.split("\n"), after.split("\n")];
  return [
    ...was.filter((line) => !willBe.includes(line)),
    ...willBe.filter((line) => !was.includes(line)),
  ].some((line) => line.includes(REDACTED));
}
