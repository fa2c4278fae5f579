import type { PlannedTask } from "../plans/plan.ts";

export type Severity = "high" | "medium";

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
  "sshd_guard",
  "systemd_hardening",
  "tls_ca",
  "tls_certificate",
  "ufw",
  "user",
]);

/** Fields that say who may read and write. */
const RIGHTS: ReadonlySet<string> = new Set(["mode", "owner", "group", "attributes"]);

/** High: the task failed, its module guards the host, or rights or a secret differ. Everything else is medium (docs/drift.md). */
export function severityOf(task: PlannedTask): Severity {
  const isHigh =
    task.status === "failed" ||
    GUARDS.has(task.module) ||
    task.differences.some(
      ({ name, kind, secret }) => secret === true || (kind === "field" && RIGHTS.has(name)),
    );
  return isHigh ? "high" : "medium";
}
