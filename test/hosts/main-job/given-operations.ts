import { expect } from "vitest";
import { havePackages } from "../have-packages.ts";
import { onHost } from "../lab-hosts.ts";
import type { GivenCertificates } from "./given-certificates.ts";
import { type Provisioned, type ProvisionOptions, told } from "./provision.ts";

/** What is done to poolers later, where certificates are given and everybody must show one. `play` runs a playbook and expects that nothing fails. */
export async function operationsWithGiven(
  play: (name: string, options?: ProvisionOptions) => Promise<Provisioned>,
  { client }: GivenCertificates,
): Promise<void> {
  const withExtra = (name: string, extra: Record<string, unknown>): Promise<Provisioned> =>
    play(name, { extra: [JSON.stringify(extra)] });
  await withExtra("rotate-password", { rotate_owner: "app", rotate_to: "app_1" });
  const shop = {
    application_database_service: "given",
    application_database_group: "root",
    application_database_cert_file: `${client}.crt`,
    application_database_key_file: `${client}.key`,
  };
  await onHost(
    "app1",
    `${havePackages("postgresql-client")}; printf '[Service]\\nEnvironmentFile=/etc/given/database.env\\nExecStart=/bin/sleep infinity\\n' > /etc/systemd/system/given.service; systemctl daemon-reload`,
  );
  await withExtra("application", shop);
  expect(told((await withExtra("application", shop)).not("ok"))).toEqual([]);
  const asked = `. /etc/given/database.env; psql -XAtqc 'select session_user' "$DATABASE_URL" 2>&1`;
  expect(await onHost("app1", asked)).toBe("app\n");
  // Without its certificate nobody gets in.
  expect(await onHost("app1", `rm /etc/given/database-client.*; ${asked} || true`)).toMatch(
    /certificate|SSL/,
  );
  await onHost(
    "app1",
    "systemctl stop given; rm -r /etc/given /etc/systemd/system/given.service; systemctl daemon-reload",
  );
  await withExtra("remove-user", { remove_user: "app_1", remove_role: true });
  // The primary is mon1's successor: db3.
  await withExtra("maintenance", { maintenance_command: "systemctl restart postgresql@17-main" });
  await play("upgrade-pgbouncer");
  await play("restart-pgbouncer", { extra: ['{"restart_drain_seconds": 1, "restart_balancer_seconds": 0}'] });
}
