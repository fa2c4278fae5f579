import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { onHost } from "../lab-hosts.ts";
import { health } from "../pooler-health.ts";
import {
  applicationsAt,
  mostErrors,
  openTransaction,
  underApplications,
  whileAsking,
} from "./applications.ts";
import { databasesAndUsers } from "./databases-and-users.ts";
import { installedAndRunning, offerNewer, withdrawNewer } from "./newer-package.ts";
import {
  client,
  folder,
  NAMES,
  ownClients,
  prepareProduction,
  provision,
  virtualAddress,
} from "./setting.ts";

const POOLERS = ["pool1", "pool2"] as const;
/** Load balancers have no part in these: the applications ask the poolers directly. */
const QUICK = { restart_balancer_seconds: 0, restart_drain_seconds: 4 };
const TWO = { pgbouncer_instances: 2, pgbouncer_default_pool_size: 8 };

export function operations(): void {
  beforeAll(async () => {
    await prepareProduction();
    expect((await provision("pgbouncer.yml")).failed).toEqual([]);
  });

  pausing();
  renewing();
  restarting();
  databasesAndUsers();
}

/** What health says may be a second old, and a pooler tries a server that refused it again after server_login_retry. */
const saysOk = (host: string): Promise<void> =>
  expect.poll(async () => (await health(host)).reason).toBe("ok");

const clientsWaiting = async (host: string): Promise<number> =>
  (await ownClients(host)).filter(({ state }) => state === "waiting").length;

function pausing(): void {
  test("a transaction that does not end keeps everybody from being paused, and is not cut", async () => {
    const transaction = await openTransaction("pool1");
    const paused = await provision("pause-pgbouncer.yml", { extra: { pause_transaction_seconds: 1 } });
    await transaction.commit();
    expect(paused.tasks.map(({ message }) => message).join()).toContain("still in a transaction: app of app");
    expect(paused.failed.join()).toContain("nobody is paused: pool1 could not be in time");
    for (const host of POOLERS) await saysOk(host);
  });

  test("paused clients wait, health says so, and a PAUSE that is forgotten is ended by the hosts themselves", async () => {
    const waiting = await Promise.all(POOLERS.map((host) => client(host)));
    expect((await provision("pause-pgbouncer.yml", { extra: { pause_seconds: 60 } })).failed).toEqual([]);
    // What it says may be a second old.
    for (const host of POOLERS) await expect.poll(async () => (await health(host)).reason).toBe("paused");
    const answers = waiting.map((one) => one.query("select 1"));
    for (const host of POOLERS) await expect.poll(() => clientsWaiting(host)).toBe(1);
    expect((await provision("pause-pgbouncer.yml", { extra: { pause_seconds: 4 } })).changed).toEqual([]);
    // Nobody else resumes them.
    await Promise.all(answers);
    await Promise.all(waiting.map((one) => one.end()));
  });

  test("resuming ends it at once, and changes nothing a second time", async () => {
    await provision("pause-pgbouncer.yml", { extra: { pause_seconds: 60 } });
    const resumed = await provision("resume-pgbouncer.yml");
    expect(resumed.failed).toEqual([]);
    expect(resumed.changed).toHaveLength(2);
    expect((await provision("resume-pgbouncer.yml")).changed).toEqual([]);
    for (const host of POOLERS)
      expect(await onHost(host, "systemctl list-units --all --plain --no-legend 'plumb-resume*'")).toBe("");
  });

  test("PostgreSQL is restarted while clients wait: no error; what fails meanwhile does not keep them waiting", async () => {
    const maintain = (command: string) =>
      provision("maintenance.yml", { extra: { maintenance_command: command } });
    const asking = POOLERS.map((host) => applicationsAt({ host }));
    const seen = await whileAsking("PostgreSQL restarted", asking, async () => {
      expect((await maintain("systemctl restart postgresql@15-main")).failed).toEqual([]);
    });
    for (const { errors } of seen) expect(errors).toEqual(new Map());
    expect((await maintain("exit 7")).failed.join()).toMatch(/exit (code )?7/);
    // A pooler tries a server that refused it again after server_login_retry.
    for (const host of POOLERS) await saysOk(host);
  });
}

/** Also on the replica: poolers ask it too, and it may be the next primary. */
const CERTIFICATES = {
  db1: "/etc/postgresql/tls/server.crt",
  db2: "/etc/postgresql/tls/server.crt",
  pool1: "/etc/pgbouncer/tls/server.crt",
  pool2: "/etc/pgbouncer/tls/server.crt",
};

function renewing(): void {
  test("certificates are renewed and watched on poolers, on PostgreSQL and its replica, and nobody notices", async () => {
    const serials = (): Promise<string[]> =>
      Promise.all(
        Object.entries(CERTIFICATES).map(([host, file]) =>
          onHost(host, `openssl x509 -noout -serial -in ${file}`),
        ),
      );
    // It has been the primary, or is new.
    const follows = await provision("replication.yml", { extra: { postgresql_replica_rebuild: true } });
    expect(follows.failed).toEqual([]);
    const before = await serials();
    const seen = await underApplications("certificates renewed", "pool2", async () => {
      const renewed = await provision("rotate-certificates.yml", { extra: { rotate_older_than: 0.3 } });
      expect(renewed.failed).toEqual([]);
    });
    expect(seen.errors).toEqual(new Map());
    expect((await serials()).filter((serial) => before.includes(serial))).toEqual([]);
    const looked = await provision("check-certificates.yml");
    expect([looked.failed, looked.changed]).toEqual([[], []]);
    expect(looked.tasks.map(({ host }) => host).sort()).toEqual(Object.keys(CERTIFICATES));
    // Another authority: the replica has it too, and follows by it.
    const changed = await provision("change-authority.yml", {
      extra: { old_ca_directory: path.join(folder(), "pki"), new_ca_directory: path.join(folder(), "pki-2") },
    });
    expect(changed.failed).toEqual([]);
    await rm(path.join(folder(), "pki"), { recursive: true });
    await rename(path.join(folder(), "pki-2"), path.join(folder(), "pki"));
    await Promise.all(
      Object.entries(CERTIFICATES).map(async ([host, file]) =>
        expect(
          await onHost(
            host,
            `openssl verify -CAfile ${path.dirname(file)}/ca.crt ${file}; grep -c BEGIN ${path.dirname(file)}/ca.crt`,
          ),
        ).toBe(`${file}: OK\n1\n`),
      ),
    );
    // They are for all that they were for.
    const named = (host: "db2" | "pool1"): Promise<string> =>
      onHost(host, `openssl x509 -noout -ext subjectAltName -in ${CERTIFICATES[host]}`);
    expect(await named("db2")).toContain(NAMES.database);
    expect(await named("pool1")).toMatch(new RegExp(`${virtualAddress()}.*${NAMES.pooler}`));
    await onHost("db2", "systemctl restart postgresql@15-main");
    const streams =
      "cd /; runuser -u postgres -- psql -XAtqc 'select status from pg_stat_wal_receiver' | grep . || tail -n 3 /var/log/postgresql/*.log";
    await expect.poll(() => onHost("db2", streams)).toBe("streaming\n");
  });
}

function restarting(): void {
  test("one process, on both releases: every client is cut once at most, and none is refused", async () => {
    const restarted = async (host: string): Promise<void> => {
      const checked = await provision("restart-pgbouncer.yml", { check: true, limit: host, extra: QUICK });
      expect(checked.tasks.map(({ message }) => message).join()).toContain("restart pgbouncer");
      const seen = await underApplications("restarted, one process", host, async () => {
        expect((await provision("restart-pgbouncer.yml", { limit: host, extra: QUICK })).failed).toEqual([]);
      });
      expect(mostErrors(seen)).toBeLessThanOrEqual(1);
      expect([...seen.errors.values()].flat().join()).not.toMatch(/ECONNREFUSED/);
    };
    await Promise.all(POOLERS.map(restarted));
  });

  test("two processes on 1.24, restarted and upgraded: clients that connect anew now and then notice nothing; one process on 1.18, upgraded: each is cut once at most", async () => {
    expect((await provision("pgbouncer.yml", { limit: "pool2", extra: TWO })).failed).toEqual([]);
    const before = await onHost("pool2", "pidof pgbouncer");
    const unnoticed = async (what: string, playbook: string): Promise<void> => {
      const happens = async (): Promise<void> =>
        expect((await provision(playbook, { limit: "pool2", extra: { ...TWO, ...QUICK } })).failed).toEqual(
          [],
        );
      const seen = await underApplications(`${what}, two processes`, "pool2", happens, 1000);
      expect(seen.errors).toEqual(new Map());
      expect(seen.queries).toBeGreaterThan(200);
    };
    await unnoticed("restarted", "restart-pgbouncer.yml");
    const restarted = (await onHost("pool2", "pidof pgbouncer")).split(" ");
    expect(restarted.filter((pid) => before.split(" ").includes(pid))).toEqual([]);
    await offerNewer(POOLERS);
    const older = async (): Promise<void> => {
      const seen = await underApplications("upgraded, one process", "pool1", async () => {
        expect((await provision("upgrade-pgbouncer.yml", { limit: "pool1", extra: QUICK })).failed).toEqual(
          [],
        );
      });
      expect(mostErrors(seen)).toBeLessThanOrEqual(1);
      expect([...seen.errors.values()].flat().join()).not.toMatch(/ECONNREFUSED/);
    };
    await Promise.all([older(), unnoticed("upgraded", "upgrade-pgbouncer.yml")]);
    expect(await installedAndRunning("pool1")).toMatch(/\+plumb pgbouncer\n\/usr\/sbin\/pgbouncer\n$/);
    expect(await installedAndRunning("pool2")).toMatch(/\+plumb pgbouncer\n(\/usr\/sbin\/pgbouncer\n){2}$/);
    await withdrawNewer(POOLERS);
  });

  test("a transaction that does not end is not cut: the task fails, and the host starts the process when it is over", async () => {
    const transactions = await Promise.all([1, 2, 3].map(() => openTransaction("pool2")));
    const { failed } = await provision("restart-pgbouncer.yml", {
      limit: "pool2",
      extra: { ...TWO, ...QUICK, restart_drain_seconds: 0, restart_transaction_seconds: 1 },
    });
    await Promise.all(transactions.map(({ commit }) => commit()));
    expect(failed.join()).toMatch(/still has \d transactions: app of app at/);
    await expect
      .poll(() => onHost("pool2", "systemctl is-active pgbouncer pgbouncer-2; true"))
      .toBe("active\nactive\n");
    expect(await onHost("pool2", "ls /run/plumb-pgbouncer-drain 2>/dev/null || true")).toBe("");
  });
}
