import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { onHost } from "../lab-hosts.ts";
import { startLoad } from "../pooler-load.ts";
import { authorityOf, passwordOf, provisionFrom } from "./provision.ts";

/** A block that undoes itself, around the pooler's configuration: single statements go on, transactions are refused. */
export function transaction(folder: () => string): void {
  test("a change that fails its health check is back on the old configuration, RELOADed, and no client notices", async () => {
    const file = path.join(folder(), "transaction.yml");
    await writeFile(
      file,
      `- hosts: pool1
  become: true
  gather_facts: false
  tasks:
    - name: another way of pooling
      transaction: true
      block:
        - ini_file: {path: /etc/pgbouncer/pgbouncer.ini, section: pgbouncer, option: pool_mode, value: statement}
          notify: tell the pooler
        - file: {path: /etc/pgbouncer/probe, state: touch}
        - meta: flush_handlers
        - name: health
          pg_query:
            host: "{{ ansible_host }}"
            database: app
            user: "{{ pgbouncer_health_user }}"
            password: "{{ pgbouncer_health_password }}"
            ca_file: "{{ tls_ca_directory }}/ca.crt"
            server_name: "{{ inventory_hostname }}"
            query: begin
            timeout: 2
  handlers:
    - name: tell the pooler
      pgbouncer_admin: {command: apply, socket: /run/pgbouncer, user: pgb_admin, password: "{{ pgbouncer_admin_password }}"}
`,
    );
    const look =
      "sha256sum /etc/pgbouncer/*.ini; stat -c '%a %U:%G' /etc/pgbouncer/pgbouncer.ini; ls /etc/pgbouncer; systemctl show -p MainPID --value pgbouncer";
    const reloads = "journalctl -u pgbouncer --no-pager -o cat | grep -c -E 'SIGHUP|RELOAD command' || true";
    const before = await onHost("pool1", look);
    const reloaded = Number(await onHost("pool1", reloads));
    const load = await startLoad({
      from: "app1",
      to: "pool1",
      database: "app",
      serverName: "pool1",
      staying: 2,
      comingAndGoing: 1,
      credentials: async () => ({
        user: "app",
        password: await passwordOf(folder(), "app"),
        ca: await authorityOf(folder()),
      }),
    });
    const { tasks, finished } = await provisionFrom(folder(), { playbook: file });
    const { errors, queries } = await load.stop();
    expect(errors).toEqual([]);
    expect(queries).toBeGreaterThan(10);
    expect(tasks.map(({ task, status }) => `${status} ${task.name}`)).toEqual([
      "changed ini_file",
      "changed file",
      "changed tell the pooler",
      "failed health",
      "changed undo the transaction another way of pooling",
    ]);
    expect(finished.outcome).toBe("failed");
    expect(finished.hosts[0]?.pendingHandlers).toEqual([]);
    expect(await onHost("pool1", look)).toBe(before);
    expect(Number(await onHost("pool1", reloads))).toBe(reloaded + 2);
  }, 60_000);
}
