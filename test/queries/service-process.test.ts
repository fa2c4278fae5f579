import { expect, test } from "vitest";
import { serviceProcess } from "../../src/queries/service-process.ts";

// Recorded on Debian 13, after an upgrade of PgBouncer's package: the process has a view of its own on the file system, and the kernel does not tell the path of its program.
const UPGRADED = `service\tpgbouncer.service
pid\t812
active\tactive
started\t1795632000.500000000\t4000.25\t3500250000\t1795631500
written\t1795630000.100000000
replaced\t/
service\tpgbouncer-2.service
pid\t0
active\tinactive
`;

const parse = (stdout: string, exitCode = 0) =>
  serviceProcess.kind.parse({ stdout: Buffer.from(stdout), stderr: "no systemd here", exitCode }, [
    "pgbouncer.service",
    "pgbouncer-2.service",
  ]);

test("a program that was replaced since the process was started is told, and a service that does not run", () => {
  expect(parse(UPGRADED)).toEqual([
    { known: true, answer: { pid: 812, active: "active", replacedFiles: ["/"], unitIsNewer: false } },
    { known: true, answer: { pid: 0, active: "inactive", replacedFiles: [], unitIsNewer: false } },
  ]);
});

test("a unit that was written after the start is newer", () => {
  const [first] = parse(UPGRADED.replace("written\t1795630000", "written\t1795631501"));
  expect(first).toMatchObject({ answer: { unitIsNewer: true } });
});

test("what could not be found out is not known", () => {
  expect(parse("", 1)).toEqual([
    { known: false, reason: "no systemd here" },
    { known: false, reason: "no systemd here" },
  ]);
});
