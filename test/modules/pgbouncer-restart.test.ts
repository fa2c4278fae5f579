import { expect, test } from "vitest";
import type { Situation } from "../../src/modules/module.ts";
import { applicationsOf, busyClients } from "../../src/modules/pause-pooler.ts";
import { pgbouncerRestart } from "../../src/modules/pgbouncer-restart.ts";
import type { ServiceProcess } from "../../src/queries/service-process.ts";

const RUNNING: ServiceProcess = { pid: 7, active: "active", replacedFiles: [], unitIsNewer: false };

function planned(process: ServiceProcess, params: object = {}, situation: Partial<Situation> = {}) {
  const want = pgbouncerRestart.params.parse({ user: "pgb_admin", ...params });
  return pgbouncerRestart.diff({ want, login: {} as never }, { process }, {
    checkMode: false,
    changesPending: false,
    ...situation,
  } as Situation);
}

test("only what is outdated is restarted, where that is asked for", () => {
  expect(planned(RUNNING, { only_if_outdated: true }).action).toBe("none");
  expect(planned(RUNNING)).toMatchObject({ action: "run", summary: "restart pgbouncer" });
  expect(
    planned(
      { ...RUNNING, replacedFiles: ["/usr/sbin/pgbouncer", "/usr/lib/libssl.so.3"] },
      { only_if_outdated: true },
    ),
  ).toMatchObject({
    summary: "restart pgbouncer: /usr/sbin/pgbouncer and 1 more has been replaced since it was started",
  });
  expect(planned({ ...RUNNING, pid: 0 }, { only_if_outdated: true })).toMatchObject({
    summary: "start pgbouncer",
  });
});

test("in check mode a package that is going to be replaced is a reason to restart", () => {
  expect(
    planned(RUNNING, { only_if_outdated: true }, { checkMode: true, changesPending: true }),
  ).toMatchObject({ action: "run", summary: "restart pgbouncer: if what runs is replaced before" });
});

test("the console's own visitors are no clients, and busy is who is linked to a server", () => {
  const rows = [
    { database: "pgbouncer", link: "" },
    { database: "app", link: "" },
    { database: "app", link: "0x55db4d129c40" },
  ];
  expect(applicationsOf(rows)).toHaveLength(2);
  expect(busyClients(rows)).toEqual([rows[2]]);
});
