import { expect, test } from "vitest";
import { unitState } from "../../src/queries/unit-state.ts";

/** As systemd 252 says it of a unit that runs as its package has it, while a file of the same name has just been put into /etc. */
const shown = (fragment: string, needed = "no", id = "pgbouncer.service"): string =>
  `CanReload=yes
Id=${id}
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=${fragment}
UnitFileState=enabled
NeedDaemonReload=${needed}
`;

const parse = (stdout: string, units = ["pgbouncer.service"]) =>
  unitState.kind
    .parse({ stdout: Buffer.from(stdout), stderr: "", exitCode: 0 }, units)
    .map((answer) => (answer.known ? answer.answer.needsDaemonReload : undefined));

const OWN = "\n\nplumb-own-file pgbouncer.service\n";

test.each([
  ["systemd says so", shown("/etc/systemd/system/pgbouncer.service", "yes") + OWN, true],
  ["it is what was read", shown("/etc/systemd/system/pgbouncer.service") + OWN, false],
  ["there is none", shown("/lib/systemd/system/pgbouncer.service"), false],
  ["it stands before the package's", shown("/lib/systemd/system/pgbouncer.service") + OWN, true],
  ["the same of a merged /usr", shown("/usr/lib/systemd/system/pgbouncer.service") + OWN, true],
  ["it stands before a generated one", shown("/run/systemd/generator.late/pgbouncer.service") + OWN, true],
  ["it stands behind a transient one", shown("/run/systemd/transient/pgbouncer.service") + OWN, false],
])("a file of one's own in /etc has to be read by systemd: %s", (_, stdout, expected) =>
  expect(parse(stdout)).toEqual([expected]),
);

test("of several units each is told apart, and a missing one makes none of them known", () => {
  const two = `${shown("/lib/systemd/system/other.service", "no", "other.service")}\n${shown("/lib/systemd/system/pgbouncer.service")}`;
  expect(parse(two + OWN, ["other.service", "pgbouncer.service"])).toEqual([false, true]);
  expect(parse(shown("/lib/x") + OWN, ["other.service", "pgbouncer.service"])).toEqual([
    undefined,
    undefined,
  ]);
});
