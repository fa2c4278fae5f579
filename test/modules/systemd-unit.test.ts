import { describe, expect, test } from "vitest";
import { systemd } from "../../src/modules/systemd.ts";
import { hardeningSettings } from "../../src/modules/systemd-hardening.ts";
import { systemdUnit } from "../../src/modules/systemd-unit.ts";

const refusals = (service: Record<string, string | boolean>): string[] => {
  const result = systemdUnit.params.safeParse({
    name: "pgbouncer",
    service: { ExecStart: "/usr/sbin/pgbouncer /etc/pgbouncer/pgbouncer.ini", ...service },
  });
  return result.success ? [] : result.error.issues.map(({ path }) => path.join("."));
};

describe("what would delete the shared memory of PostgreSQL", () => {
  test.each([
    [{ User: "postgres", RemoveIPC: "yes" }, ["service.RemoveIPC"]],
    [{ User: "pgbouncer", RemoveIPC: true }, ["service.RemoveIPC"]],
    [{ User: "pgbouncer", DynamicUser: "true" }, ["service.DynamicUser"]],
  ])("%j is refused", (service, expected) => {
    expect(refusals(service)).toEqual(expected);
  });

  test.each([[{ User: "pgbouncer", RemoveIPC: "no" }], [{ User: "other", RemoveIPC: "yes" }], [{}]])(
    "%j is taken",
    (service) => {
      expect(refusals(service)).toEqual([]);
    },
  );

  test("no preset sets it", () => {
    for (const preset of ["none", "default", "strict"] as const)
      expect(Object.keys(hardeningSettings(preset))).not.toContain("RemoveIPC");
  });
});

describe("the name of a unit", () => {
  const takes = (name: string): boolean[] => [
    systemd.params.safeParse({ name }).success,
    systemdUnit.params.safeParse({ name, service: { ExecStart: "/bin/true" } }).success,
  ];

  test.each(["pgbouncer", "getty@tty1.service", "mnt-my\\x2ddisk.mount", "plumb\\x20named", "a:b_c.timer"])(
    "%s is taken, as systemd-escape writes it",
    (name) => {
      expect(takes(name)).toEqual([true, true]);
    },
  );

  test.each(["", "my disk", "../evil", "mnt/disk.mount", "a\nb", "$(id)"])("%j is refused", (name) => {
    expect(takes(name)).toEqual([false, false]);
  });
});

test("a drop-in may be about dependencies alone, and says something; a unit needs more", () => {
  const takes = (rest: object): boolean => systemdUnit.params.safeParse({ name: "nginx", ...rest }).success;
  const unit = { After: "network-online.target" };
  expect(takes({ dropin: "after", unit })).toBe(true);
  expect(takes({ dropin: "after", install: { Alias: "web.service" } })).toBe(true);
  expect(takes({ dropin: "after" })).toBe(false);
  expect(takes({ unit })).toBe(false);
});
