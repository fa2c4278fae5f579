import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { expect, test } from "vitest";
import { labHost, onHost } from "../lab-hosts.ts";
import { type Credentials, openTunnel, startLoad } from "../pooler-load.ts";
import { applyPlaybook, authorityOf, provisionFrom, told } from "./provision.ts";

/** Who gets in, who must not, and how a password is changed while everybody logs in. */
export function logins(folder: () => string): void {
  const withVariables = async (yaml: string, act: () => Promise<void>): Promise<void> => {
    const file = path.join(folder(), "group_vars", "poolers.yml");
    await writeFile(file, yaml);
    try {
      await act();
    } finally {
      await rm(file);
    }
  };

  test("logins that would fail at the server are refused before the run, at their lines", () =>
    withVariables(
      `pgbouncer_userlist:
  - user: report
    password: secret-of-report
pgbouncer_databases:
  app:
    host: 192.0.2.1
  reports:
    host: 192.0.2.1
    user: report
`,
      async () => {
        const { tasks } = await provisionFrom(folder(), { limit: "poolers", check: true });
        const failed = tasks.filter(({ status }) => status === "failed");
        expect(failed.map(({ host, task }) => `${host} ${task.module}`).sort()).toEqual([
          "pool1 pgbouncer_check",
          "pool2 pgbouncer_check",
        ]);
        const places = failed[0]?.diagnostics?.map(({ at, code }) => [
          path.basename(at?.file ?? ""),
          at?.line,
          code,
        ]);
        expect(places).toEqual([
          ["poolers.yml", 9, "refused-configuration"],
          ["poolers.yml", 3, "refused-configuration"],
        ]);
        expect(JSON.stringify(failed)).not.toContain("secret-of-report");
      },
    ));

  test("md5 is taken on request, with a warning at its line", () =>
    withVariables(
      `pgbouncer_hba_rules:
  - address: 192.0.2.7
    method: md5
`,
      async () => {
        const { tasks, events } = await provisionFrom(folder(), { limit: "pool1", check: true });
        expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
        const warnings = events.flatMap((event) => (event.type === "warning" ? [event.diagnostic] : []));
        expect(
          warnings.map((one) => [one?.severity, path.basename(one?.at?.file ?? ""), one?.at?.line]),
        ).toEqual([["warning", "poolers.yml", 3]]);
      },
    ));

  test.each(["pool1", "pool2"])(
    "on %s a user whose verifier is copied from PostgreSQL gets in, and is asked for where all are once it is taken out again",
    async (host) => {
      const password = "the-password-of-copied";
      await onHost(
        "db1",
        `cd /; runuser -u postgres -- psql -qc "create role copied login password '${password}'"`,
      );
      const verifier = await onHost(
        "db1",
        `cd /; runuser -u postgres -- psql -Atc "select rolpassword from pg_authid where rolname = 'copied'"`,
      );
      const options = { limit: host, extra: ["{pgbouncer_copied_users: [copied]}"] };
      const { tasks, events } = await provisionFrom(folder(), options);
      expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
      expect(JSON.stringify(events)).not.toContain(verifier.trim());
      expect(told((await provisionFrom(folder(), options)).not("ok"))).toEqual([]);
      const file = await onHost(host, "grep copied /etc/pgbouncer/userlist.txt");
      expect(file).toBe(`"copied" "${verifier.trim()}"\n`);

      const tunnel = await openTunnel("app1", labHost(host).address, 6432);
      const ca = await authorityOf(folder());
      const login = async (): Promise<pg.Client> => {
        const client = new pg.Client({
          ...{ host: "127.0.0.1", port: tunnel.port, user: "copied", database: "app", password },
          ssl: { ca, servername: host },
        });
        client.on("error", () => undefined);
        await client.connect();
        return client;
      };
      try {
        const staying = await login();
        const gone = await provisionFrom(folder(), { limit: host });
        expect(told(gone.not("ok"))).toEqual([
          expect.stringContaining("Who may log in"),
          expect.stringMatching(
            /apply the pgbouncer configuration.*: restarted for users who are in the userlist no more/,
          ),
        ]);
        expect(JSON.stringify(gone.events.filter(({ type }) => type === "warning"))).toContain(
          "is taken out of the userlist: PgBouncer is restarted for it",
        );
        // Nobody stays logged in by what he had, and PostgreSQL is asked.
        await expect(staying.query("select 1")).rejects.toThrow();
        await (await login()).end();
        expect(told((await provisionFrom(folder(), { limit: host })).not("ok"))).toEqual([]);
      } finally {
        tunnel.process.kill();
        await onHost("db1", `cd /; runuser -u postgres -- psql -qc "drop role copied"`);
      }
    },
  );

  test("superusers, who replicates, whose time is over and who may not log in are not found by the function, on both releases; the same roles get in once they are others", async () => {
    const password = "the-password-of-all-these";
    const sql = (...statements: string[]): Promise<string> =>
      onHost(
        "db1",
        `cd /; runuser -u postgres -- psql -qX -v ON_ERROR_STOP=1 ${statements.map((one) => `-c "${one}"`).join(" ")}`,
      );
    /** What keeps each out, and what takes that away. */
    const roles = {
      late_one: ["login valid until '2020-01-01'", "valid until 'infinity'"],
      mighty_one: ["login superuser", "nosuperuser"],
      copying_one: ["login replication", "noreplication"],
      silent_one: ["nologin", "login"],
      // Nothing: it has time.
      timely_one: ["login valid until '2999-01-01'", "login"],
    };
    const names = Object.keys(roles);
    await sql(
      ...Object.entries(roles).map(([name, [kept]]) => `create role ${name} password '${password}' ${kept}`),
    );
    /** Who of them gets an answer, by psql on the pooler itself. */
    const getIn = async (host: string): Promise<string[]> => {
      const said = await onHost(
        host,
        `for user in ${names.join(" ")}; do PGPASSWORD=${password} PGCONNECT_TIMEOUT=10 psql -XAtqc 'select session_user' "host=${labHost(host).address} port=6432 user=$user dbname=app sslmode=require" 2>/dev/null; done; true`,
      );
      return said.split("\n").filter(Boolean);
    };
    try {
      for (const host of ["pool1", "pool2"]) expect(await getIn(host), host).toEqual(["timely_one"]);
      // PostgreSQL itself would let the superuser in: it is the function that does not.
      await sql(...Object.entries(roles).map(([name, [, freed]]) => `alter role ${name} ${freed}`));
      for (const host of ["pool1", "pool2"]) expect(await getIn(host), host).toEqual(names);
    } finally {
      await sql(...names.map((name) => `drop role ${name}`));
    }
  });

  test.each(["pool1", "pool2"])("on %s a reload that PgBouncer did not follow is a failure", async (host) => {
    const file = await applyPlaybook(folder(), host);
    const apply = async (): Promise<string> =>
      told((await provisionFrom(folder(), { playbook: file })).tasks).join();
    const spoil = [
      ["/etc/pgbouncer/pgbouncer.ini", "printf 'no_such_setting = 1\\n' >> FILE", "no_such_setting|config"],
      ["/etc/pgbouncer/tls/server.crt", "printf 'junk' > FILE", "TLS|certificate"],
      ["/etc/pgbouncer/pg_hba.conf", "printf 'nonsense here\\n' >> FILE", "hba|HBA"],
      ["/etc/pgbouncer/userlist.txt", "printf '# a comment\\n' >> FILE", "auth file"],
    ] as const;
    for (const [target, how, says] of spoil) {
      await onHost(host, `cp -p ${target} /root/kept; ${how.replace("FILE", target)}`);
      const said = await apply();
      await onHost(host, `cp -p /root/kept ${target}; rm /root/kept`);
      expect(said, target).toMatch(/failed/);
      expect(said).toMatch(new RegExp(says));
    }
    expect(await apply()).toMatch(/reloaded/);
  });

  test("a password is changed under a load of logins, and none of them fails", async () => {
    const rotate = async (variables: Record<string, string | number>): Promise<void> => {
      const { tasks } = await provisionFrom(folder(), {
        playbook: "playbooks/rotate-password.yml",
        extra: [
          JSON.stringify({
            rotate_owner: "app",
            rotate_credentials_file: "/etc/app.env",
            rotate_grace_seconds: 4,
            ...variables,
          }),
        ],
      });
      expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    };
    await rotate({ rotate_to: "app_1" });
    // Nobody would retire, and the old password go on to be good.
    const misspelt = await provisionFrom(folder(), {
      playbook: "playbooks/rotate-password.yml",
      extra: ["{rotate_owner: app, rotate_from: app1, rotate_to: app_2}"],
    });
    expect(told(misspelt.not("ok"))).toEqual([
      expect.stringMatching(/^db1 failed The old login is there: PostgreSQL has no role app1/),
    ]);
    // The application reads its settings every now and then.
    let current = await credentials(folder());
    let reading = true;
    const reader = (async () => {
      while (reading) {
        current = await credentials(folder());
        await wait(200);
      }
    })();
    const loads = await Promise.all(
      ["pool1", "pool2"].map((to) =>
        startLoad({
          from: "app1",
          to,
          database: "app",
          staying: 0,
          comingAndGoing: 3,
          credentials: async () => current,
        }),
      ),
    );
    try {
      await rotate({ rotate_from: "app_1", rotate_to: "app_2" });
    } finally {
      reading = false;
      await reader;
    }
    for (const { errors, logins: count } of await Promise.all(loads.map(({ stop }) => stop()))) {
      expect(errors).toEqual([]);
      expect(count).toBeGreaterThan(20);
    }
    expect(current.user).toBe("app_2");
    expect(
      await onHost(
        "db1",
        `cd /; runuser -u postgres -- psql -Atc "select rolname, rolcanlogin from pg_roles where rolname like 'app\\__' order by 1"`,
      ),
    ).toBe("app_1|f\napp_2|t\n");
    await onHost("db1", `cd /; runuser -u postgres -- psql -qc "drop role app_1" -c "drop role app_2"`);
    await onHost("app1", "rm /etc/app.env");
    expect(told((await provisionFrom(folder())).not("ok"))).toEqual([]);
  });
}

async function credentials(folder: string): Promise<Credentials> {
  const settings = new Map(
    (await onHost("app1", "cat /etc/app.env"))
      .trim()
      .split("\n")
      .map((line) => line.split("=") as [string, string]),
  );
  return {
    user: settings.get("PGUSER") ?? "",
    password: settings.get("PGPASSWORD") ?? "",
    ca: await authorityOf(folder),
  };
}
