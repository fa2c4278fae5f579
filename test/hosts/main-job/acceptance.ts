import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { type Report, reportSchema } from "../../../src/acceptance/report.ts";
import { elementsOf, externalReferences } from "../../acceptance/well-formed.ts";
import { onHost } from "../lab-hosts.ts";
import { type Provisioned, passwordOf, provisionFrom, told } from "./provision.ts";

/** Short, and with limits that no machine misses: how fast a test's machine is proves nothing. */
const SHORT = {
  verify_logins: 10,
  verify_queries: 200,
  verify_normal_seconds: 1,
  verify_crowd_seconds: 2,
  verify_restart_seconds: 5,
  verify_restart_after: 2,
  verify_sample_seconds: 0.2,
  verify_wait_limit_seconds: 3,
};
const GENEROUS = {
  connection_ms: 60_000,
  utilisation_percent: 101,
  wait_ms: 60_000,
  // Of a second only, and the opening of the pool counts.
  reuse_percent: 50,
  overhead_ms: 60_000,
};

/** A thousand clients on PgBouncer 1.24; on 1.18 as many as make the same difference: each login costs both sides alike. */
const CROWDS = { pool1: 300, pool2: 1000 };
const limits = (own: Record<string, number> = {}): Record<string, unknown> => ({
  limits_of_pool1: { ...GENEROUS, ...own, clients: CROWDS.pool1 },
  limits_of_pool2: { ...GENEROUS, ...own, clients: CROWDS.pool2 },
  verify_limits: "{{ternary (eq inventory_hostname 'pool1') limits_of_pool1 limits_of_pool2}}",
});

export function acceptance(folder: () => string): void {
  const reports = (): string => path.join(folder(), "reports", "pgbouncer");
  const readReport = async (): Promise<Report> =>
    reportSchema.parse(JSON.parse(await readFile(path.join(reports(), "report.json"), "utf8")));
  const verify = (
    variables: Record<string, unknown>,
    options: { limit?: string; tags?: string[] } = {},
  ): Promise<Provisioned> =>
    provisionFrom(folder(), {
      playbook: "playbooks/verify-pgbouncer.yml",
      extra: [JSON.stringify(variables)],
      ...options,
    });
  const configure = (limit: string, variables: Record<string, unknown> = {}): Promise<Provisioned> =>
    provisionFrom(folder(), { limit, extra: [JSON.stringify(variables)] });
  /** What the judging task said where it failed. */
  const refusal = ({ tasks }: Provisioned): string =>
    tasks
      .filter(({ status, task }) => status === "failed" && task.module === "pgbouncer_acceptance")
      .map(({ message }) => message)
      .join("\n");

  const nothingIsLeft = async (): Promise<void> => {
    for (const host of ["app1", "pool1", "pool2"])
      expect(
        await onHost(host, "ls -d /tmp/plumb-acceptance* /var/lib/plumb/async/* 2>/dev/null; true"),
      ).toBe("");
    expect(
      await onHost(
        "db1",
        "nft list ruleset | grep -c acceptance; grep -c acceptance /etc/postgresql/*/main/pg_hba.conf; true",
      ),
    ).toBe("0\n0\n");
    expect(await onHost("db1", `su postgres -c "psql -Atc '\\dt plumb*' app" 2>/dev/null; true`)).toBe("");
    expect(told((await configure("db1:pool1:pool2")).not("ok"))).toEqual([]);
  };

  test("a crowd of clients, on both releases: everything is measured, judged and reported", async () => {
    const { tasks, finished, events } = await verify({ ...SHORT, ...limits() });
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(finished.outcome).toBe("ok");
    const report = await readReport();
    expect(report.accepted).toBe(true);
    expect(
      report.poolers.map(({ requirements }) => requirements.find(({ name }) => name === "clients")?.value),
    ).toEqual([CROWDS.pool1, CROWDS.pool2]);
    for (const { requirements, tests, series } of report.poolers) {
      expect(requirements.map(({ name, status }) => `${name} ${status}`)).toEqual(
        requirements.map(({ name }) => `${name} met`),
      );
      expect(tests.map(({ name, status }) => `${name} ${status}`)).toEqual(
        tests.map(({ name }) => `${name} passed`),
      );
      expect(series.loginMs.direct).toHaveLength(101);
      expect(series.latencyMs.pooled).toHaveLength(101);
      expect(series.restart.some(({ errors }) => errors > 0)).toBe(true);
    }
    const outcomeOf = (name: string): string[] =>
      report.poolers.map(
        ({ version, tests }) => `${version} ${tests.find((one) => one.name === name)?.observed}`,
      );
    expect(outcomeOf("prepared-statements")).toEqual(["1.18.0 refused", "1.24.1 work"]);
    expect(outcomeOf("session-state")).toEqual(["1.18.0 leaks", "1.24.1 leaks"]);

    const page = await readFile(path.join(reports(), "report.html"), "utf8");
    expect(elementsOf(page).filter(({ name }) => name === "svg")).toHaveLength(10);
    expect(externalReferences(page)).toEqual([]);
    expect(await readFile(path.join(reports(), "report.md"), "utf8")).toContain("**accepted**");

    const files = await readdir(reports(), { recursive: true, withFileTypes: true });
    const everything = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map((file) => readFile(path.join(file.parentPath, file.name), "utf8")),
    );
    for (const name of ["app", "pgb_admin"])
      expect([...everything, JSON.stringify(events)].join("\n")).not.toContain(
        await passwordOf(folder(), name),
      );
  }, 300_000);

  test("it leaves nothing on the hosts, and the client's host out of PostgreSQL", nothingIsLeft);

  test("a requirement that is missed fails the play by its name, and reports only where that is wanted", async () => {
    // That PgBouncer makes a query faster happens: such a figure is below any limit.
    const strict = limits({ connection_ms: 0.000_001 });
    const missed = await verify(strict, { tags: ["judge"] });
    expect(missed.finished.outcome).toBe("failed");
    expect(refusal(missed)).toMatch(/pool1: Connection time: .* ms, less than 0.000001 ms is required/);
    expect((await readReport()).accepted).toBe(false);
    const told = await verify({ ...strict, verify_only_report: true }, { tags: ["judge"] });
    expect(told.finished.outcome).toBe("ok");
    expect((await readReport()).problems).toEqual([
      expect.stringContaining("pool1: Connection time"),
      expect.stringContaining("pool2: Connection time"),
    ]);
  });

  test("what a version can't do is a failure only where it is demanded", async () => {
    const demanded = await verify(
      { ...limits(), verify_expectations: { "prepared-statements": "work" } },
      { tags: ["judge"] },
    );
    expect(refusal(demanded)).toMatch(/^pool1: Prepared statements of the protocol: refused, expected work/);
  });

  test("poolers that are broken on purpose are caught, and nothing is opened where that is not wanted", async () => {
    await mkdir(path.join(folder(), "host_vars"));
    const own = (host: string, variables: unknown): Promise<void> =>
      writeFile(path.join(folder(), "host_vars", `${host}.yml`), JSON.stringify(variables));
    await own("pool1", { pgbouncer_default_pool_size: 1, pgbouncer_reserve_pool_size: 0 });
    await own("pool2", { pgbouncer_pool_mode: "session", pgbouncer_settings: { server_reset_query: "" } });
    await configure("pool1:pool2");
    const broken = await verify({
      ...SHORT,
      verify_disruptive: false,
      verify_open_direct: false,
      // As where PostgreSQL is nobody's of the inventory.
      verify_server: "",
      verify_normal_clients: 5,
      // A tenth of a second each.
      verify_query: "select pg_sleep(0.1)",
      verify_queries: 20,
      verify_limits: {
        connection_ms: null,
        clients: null,
        reduction_percent: null,
        reuse_percent: null,
      },
      verify_normal_seconds: 2,
    });
    await rm(path.join(folder(), "host_vars"), { recursive: true });
    expect(told((await configure("pool1:pool2")).tasks.filter(({ status }) => status === "failed"))).toEqual(
      [],
    );
    const said = refusal(broken);
    // Five clients, one server connection.
    expect(said).toMatch(/pool1: Pool utilisation under normal load: 100 %/);
    expect(said).toMatch(/pool1: Wait for a server connection: [\d.]+ ms, less than 100 ms is required/);
    expect(said).toMatch(
      /pool1: not measured: Transactions are isolated, .*: it takes two server connections/,
    );
    // Session mode that does not clean up.
    expect(said).toMatch(/pool2: Session state does not reach other clients: leaks, expected isolated/);
    // The client's host is kept out of PostgreSQL.
    expect(said).toMatch(/pool2: not measured: Latency overhead: it needs a direct connection/);
    const done = broken.tasks.filter(({ status }) => status !== "skipped").map(({ task }) => task.name);
    expect(done).not.toContain("PostgreSQL lets the client's host in");
  }, 300_000);

  test("what could not be measured is said with its reason, and everything is closed and cleaned up all the same", async () => {
    const wrong = await verify({ ...SHORT, verify_password: "wrong" }, { limit: "pool1" });
    expect(refusal(wrong)).toMatch(
      /^pool1: not measured: Connection time, .*: `Measure: single` failed: .*SASL authentication failed/,
    );
    await nothingIsLeft();
  });
}
