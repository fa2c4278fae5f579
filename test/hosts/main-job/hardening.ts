import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { havePackages } from "../have-packages.ts";
import { labHost, onHost, sendToHost } from "../lab-hosts.ts";
import { authorityOf, passwordOf, provisionFrom, told } from "./provision.ts";

/** Everything that PgBouncer does must work under the strict unit, on both releases. */
export function hardening(folder: () => string): void {
  const hosts = ["pool1", "pool2"];

  beforeAll(async () => {
    // A way to PostgreSQL over a socket: PgBouncer speaks no TLS there, so that this database takes it without.
    await onHost(
      "db1",
      `printf 'host all all %s scram-sha-256\\nhost all all %s scram-sha-256\\n' ${labHost("pool1").address}/32 ${labHost("pool2").address}/32 >> /etc/postgresql/15/main/pg_hba.conf; systemctl reload postgresql@15-main`,
    );
    await Promise.all(
      hosts.map(async (host) => {
        await onHost(host, havePackages("postgresql-client"));
        await onHost(
          host,
          `grep -q ' db1$' /etc/hosts || echo '${labHost("db1").address} db1' >> /etc/hosts
systemctl is-active -q relay.socket || { mkdir -p /run/relay; systemd-run -q --unit=relay --socket-property=ListenStream=/run/relay/.s.PGSQL.5432 --socket-property=SocketMode=0777 /usr/lib/systemd/systemd-socket-proxyd ${labHost("db1").address}:5432; }`,
        );
        const lines = await Promise.all(
          ["app", "pgb_admin", "pgb_stats"].map(
            async (user) =>
              `*:*:*:${user}:${user === "pgb_stats" ? STATS : await passwordOf(folder(), user)}`,
          ),
        );
        await sendToHost(host, "umask 077; cat > /root/.pgpass", `${lines.join("\n")}\n`);
        await sendToHost(host, "cat > /tmp/authority.crt", await authorityOf(folder()));
      }),
    );
    const { tasks } = await provisionFrom(folder(), { limit: "poolers", extra: extra() });
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
  });

  afterAll(async () => {
    await Promise.all(
      hosts.map((host) =>
        onHost(
          host,
          "systemctl stop relay.socket relay.service; rm -rf /run/relay /root/.pgpass /tmp/authority.crt; sed -i '/ db1$/d' /etc/hosts",
        ),
      ),
    );
    const { tasks } = await provisionFrom(folder());
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await provisionFrom(folder())).not("ok"))).toEqual([]);
  });

  const extra = (): string[] => [
    JSON.stringify({
      pgbouncer_stats_password: STATS,
      pgbouncer_default_pool_size: 4,
      pgbouncer_reserve_pool_size: 1,
      pgbouncer_settings: { logfile: "/var/log/pgbouncer/pgbouncer.log" },
      pgbouncer_databases: {
        app: { host: labHost("db1").address, port: 5432 },
        by_name: { host: "db1", dbname: "app" },
        by_socket: { host: "/run/relay", dbname: "app" },
      },
    }),
  ];

  /** psql on the pooler itself, by TCP and TLS unless told otherwise. */
  const ask = (host: string, connection: string, sql: string): Promise<string> =>
    onHost(
      host,
      `PGCONNECT_TIMEOUT=5 psql -XAtqc "${sql}" "host=${host} hostaddr=${labHost(host).address} port=6432 user=app dbname=app sslmode=verify-full sslrootcert=/tmp/authority.crt ${connection}" 2>&1`,
    );
  const bySocket = (user: string, database: string): string =>
    `host=/run/pgbouncer hostaddr='' sslmode=disable user=${user} dbname=${database}`;

  describe.each(hosts)("on %s", (host) => {
    test("1. a client verifies the certificate and speaks TLS 1.3", async () => {
      expect(await ask(host, "ssl_min_protocol_version=TLSv1.3", "select 1")).toBe("1\n");
    });
    test("2. SCRAM is passed through, by auth_query", async () => {
      expect(await onHost(host, "grep -c '^\"app\"' /etc/pgbouncer/userlist.txt; true")).toBe("0\n");
      expect(await ask(host, "", "select current_user")).toBe("app\n");
    });
    test("3. PostgreSQL's certificate is verified", async () => {
      expect(await ask(host, "", "select ssl from pg_stat_ssl where pid = pg_backend_pid()")).toBe("t\n");
      expect(
        await onHost(host, "grep -c '^server_tls_sslmode = verify-full' /etc/pgbouncer/pgbouncer.ini"),
      ).toBe("1\n");
    });
    test("4. the console serves the administrator, and shows itself to the watcher", async () => {
      expect(await ask(host, bySocket("pgb_admin", "pgbouncer"), "show version")).toContain("PgBouncer 1.");
      expect(await ask(host, bySocket("pgb_stats", "pgbouncer"), "show pools")).toContain("pgbouncer|");
      await expect(ask(host, bySocket("pgb_stats", "pgbouncer"), "reload")).rejects.toThrow();
    });
    test("5. another user of the host comes in through the socket", async () => {
      const password = await passwordOf(folder(), "app");
      await sendToHost(
        host,
        "install -m 0600 -o nobody /dev/stdin /tmp/nobody.pass",
        `*:*:*:app:${password}\n`,
      );
      const said = await onHost(
        host,
        `cd /; PGPASSFILE=/tmp/nobody.pass runuser -u nobody -- psql -XAtqc 'select 1' 'host=/run/pgbouncer port=6432 user=app dbname=app'; rm /tmp/nobody.pass`,
      );
      expect(said).toBe("1\n");
    });
    test("6. a server behind a socket is reached", async () => {
      expect(await ask(host, "dbname=by_socket", "select current_database()")).toBe("app\n");
    });
    test("7. a server's name is looked up", async () => {
      expect(await ask(host, "dbname=by_name", "select current_database()")).toBe("app\n");
    });
    test("8. plain text is refused", async () => {
      const said = await ask(host, "sslmode=disable", "select 1").catch(
        (error: Error & { stdout?: string }) => error.stdout,
      );
      expect(said).toMatch(/SSL required|no encryption|login rejected/i);
    });
    test("9. it is reloaded by systemctl and by its console", async () => {
      const count = (): Promise<string> =>
        onHost(host, "grep -c 'got SIGHUP\\|RELOAD command issued' /var/log/pgbouncer/pgbouncer.log; true");
      const before = Number(await count());
      await onHost(host, "systemctl reload pgbouncer");
      await ask(host, bySocket("pgb_admin", "pgbouncer"), "reload");
      await expect.poll(async () => Number(await count())).toBe(before + 2);
    });
    test("10. another certificate is taken when it is reloaded", async () => {
      const shown = (): Promise<string> =>
        onHost(
          host,
          `openssl s_client -starttls postgres -connect ${labHost(host).address}:6432 </dev/null 2>/dev/null | openssl x509 -noout -subject`,
        );
      // Written over, so that they belong to whom they did.
      await onHost(
        host,
        "cd /etc/pgbouncer/tls; cp -p server.crt server.key /root; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=another -keyout /root/another.key -out /root/another.crt 2>/dev/null; cat /root/another.key > server.key; cat /root/another.crt > server.crt; systemctl reload pgbouncer",
      );
      await expect.poll(shown).toContain("another");
      await onHost(
        host,
        "cd /root; for file in server.crt server.key; do cat $file > /etc/pgbouncer/tls/$file; done; rm server.* another.*; systemctl reload pgbouncer",
      );
      await expect.poll(shown).not.toContain("another");
    });
    test("11. it writes to the journal and to its log file", async () => {
      expect(
        Number(await onHost(host, "journalctl -q -o cat -u pgbouncer | grep -c 'process up'")),
      ).toBeGreaterThan(0);
      expect(
        Number(await onHost(host, "grep -c 'process up\\|login attempt' /var/log/pgbouncer/pgbouncer.log")),
      ).toBeGreaterThan(0);
    });
    test("12. it comes back after a crash", async () => {
      const pid = (): Promise<string> => onHost(host, "systemctl show -p MainPID --value pgbouncer");
      const before = await pid();
      await onHost(host, "kill -SEGV $(systemctl show -p MainPID --value pgbouncer)");
      await expect.poll(pid).not.toBe(before);
      await expect.poll(() => ask(host, "", "select 1").catch(() => "")).toBe("1\n");
      expect(await onHost(host, "systemctl is-active pgbouncer")).toBe("active\n");
    });
    test("nothing that stops deletes the shared memory of others, and the exposure is 1.1 at most", async () => {
      expect(
        await onHost(
          host,
          "systemctl show -p RemoveIPC -p DynamicUser --value pgbouncer; grep -c RemoveIPC /etc/systemd/system/pgbouncer*.service; true",
        ),
      ).toBe("no\nno\n0\n");
      const said = await onHost(host, "systemd-analyze security pgbouncer --no-pager | tail -n 1");
      expect(Number(/(\d+\.\d+)/.exec(said)?.[1])).toBeLessThanOrEqual(1.1);
    });
  });

  test("the exposure is shown before and after the unit is written", async () => {
    await Promise.all(
      hosts.map((host) =>
        onHost(
          host,
          "printf '[Service]\\nUser=postgres\\nType=notify\\nExecStart=/usr/sbin/pgbouncer /etc/pgbouncer/pgbouncer.ini\\n' > /etc/systemd/system/pgbouncer.service; systemctl daemon-reload",
        ),
      ),
    );
    const { tasks } = await provisionFrom(folder(), { limit: "poolers", extra: extra() });
    // The health endpoint has units of its own.
    const units = tasks.filter(
      ({ task, message }) => task.module === "systemd_unit" && message.includes("/pgbouncer.service"),
    );
    for (const { message } of units) {
      const [, before, after] = /exposure ([\d.]+) before, ([\d.]+) now/.exec(message) ?? [];
      expect(Number(before)).toBeGreaterThan(9);
      expect(Number(after)).toBeLessThanOrEqual(1.1);
    }
    expect(units).toHaveLength(2);
  });
}

const STATS = "a-password-for-statistics";
