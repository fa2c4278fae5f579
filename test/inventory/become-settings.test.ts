import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { becomeMethodOf, becomeSettings } from "../../src/inventory/become-settings.ts";
import { connectionSettings } from "../../src/inventory/connection-variables.ts";
import { becomeCommand } from "../../src/transport/open-shell.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import type { Scope } from "../../src/variables/scope.ts";
import type { Value } from "../../src/variables/value.ts";

const GIVEN = { becomeMethod: "sudo", hostKeyPolicy: "strict", connectTimeoutMs: 10_000 } as const;
const AT = { file: "hosts.yml", line: 3, column: 7 };

function scopeOf(values: Record<string, Value>): Scope {
  const variables = new Map(
    Object.entries(values).map(([name, value]) => [
      name,
      { value: { kind: "literal" as const, value }, at: AT },
    ]),
  );
  return createScope({ layers: [{ level: "host variables", variables }] });
}

const settings = (values: Record<string, Value>) => becomeSettings("web1", scopeOf(values), GIVEN);

function refusal(act: () => unknown): { code: string; line: number | undefined; message: string } {
  try {
    act();
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    const [first] = error.diagnostics;
    return { code: first?.code ?? "", line: first?.at?.line, message: first?.message ?? "" };
  }
  throw new Error("nothing was refused");
}

describe("ansible_become_flags", () => {
  test.each([
    ["-H -S -n", []],
    ["-HSn", []],
    ["--set-home --non-interactive", []],
    ["-E", ["-E"]],
    ["-HE -g staff", ["-E", "-g", "staff"]],
    ["-gstaff --preserve-env=PATH,LANG", ["-gstaff", "--preserve-env=PATH,LANG"]],
    ["--group staff", ["--group", "staff"]],
    ["-g 'two words'", ["-g", "two words"]],
    ["", []],
  ])("of sudo: %s passes on %j, what Plumb does anyway left out", (flags, words) => {
    expect(settings({ ansible_become_flags: flags }).becomeFlags?.words ?? []).toEqual(words);
  });

  test.each([
    ["-", ["-"]],
    ["-l", ["-l"]],
    ["-s /bin/bash", []],
    ["-m -g adm", ["-m", "-g", "adm"]],
  ])("of su: %s passes on %j", (flags, words) => {
    const variables = { ansible_become_method: "su", ansible_become_flags: flags };
    expect(settings(variables).becomeFlags?.words ?? []).toEqual(words);
  });

  test.each([["-i"], ["-A"], ["-b"], ["--login"], ["-Hx"], ["-H; reboot"], ["-g"]])(
    "%s is refused, with its place",
    (flags) => {
      expect(refusal(() => settings({ ansible_become_flags: flags }))).toMatchObject({
        code: "invalid-option",
        line: AT.line,
      });
    },
  );

  test("stand in front of the user, each a word of its own, and only for the method that they are for", () => {
    const as = { kind: "become", user: "root", method: "sudo" } as const;
    const flags = { becomeFlags: { method: "sudo", words: ["-g", "two words"] } } as const;
    expect(becomeCommand(as, undefined, flags)).toContain("sudo -H -g 'two words' -n -u root -- /bin/sh");
    expect(becomeCommand({ ...as, method: "su" }, undefined, flags)).not.toContain("two words");
    expect(
      becomeCommand({ ...as, method: "su" }, undefined, { becomeFlags: { method: "su", words: ["-"] } }),
    ).toContain("su -s /bin/sh - root -c");
  });
});

describe("Ansible's other names for becoming", () => {
  test("a method that Plumb does not have is refused: it never takes another instead", () => {
    expect(refusal(() => settings({ ansible_become_method: "doas" })).message).toContain("doas");
    expect(refusal(() => becomeMethodOf(scopeOf({ ansible_become_method: "runas" }), "web1")).line).toBe(
      AT.line,
    );
    expect(settings({ ansible_become_method: "ansible.builtin.su" }).becomeMethod).toBe("su");
  });

  test("those for one method alone count with it, and win over those for all", () => {
    expect(
      settings({ ansible_become_password: "a", ansible_sudo_pass: "b", ansible_su_pass: "c" }),
    ).toMatchObject({
      becomePassword: "b",
    });
    expect(settings({ ansible_become_password: "a", ansible_become_pass: "b" }).becomePassword).toBe("b");
    expect(settings({ ansible_su_flags: "-m" }).becomeFlags).toBeUndefined();
    expect(settings({ ansible_sudo_flags: "-E" }).becomeFlags?.words).toEqual(["-E"]);
  });
});

describe("ansible_become_exe", () => {
  test.each(["/opt/my-tools/sudo", "doas-as-sudo", "/usr/bin/sudo"])(
    "%s is run in place of sudo",
    (program) => {
      const { becomeProgram } = settings({ ansible_become_exe: program });
      expect(becomeProgram).toEqual({ method: "sudo", path: program });
      const as = { kind: "become", user: "root", method: "sudo" } as const;
      expect(becomeCommand(as, undefined, { becomeProgram })).toContain(
        `exec ${program} -H -n -u root -- /bin/sh`,
      );
      expect(becomeCommand({ ...as, method: "su" }, undefined, { becomeProgram })).toContain(
        "exec su -s /bin/sh",
      );
    },
  );

  test("of su is run in place of su, and the keyword of a task in place of both", () => {
    const { becomeProgram } = settings({ ansible_become_method: "su", ansible_su_exe: "/opt/su" });
    const as = { kind: "become", user: "root", method: "su" } as const;
    expect(becomeCommand(as, undefined, { becomeProgram })).toContain("exec /opt/su -s /bin/sh");
    expect(becomeCommand({ ...as, program: "/own/su" }, undefined, { becomeProgram })).toContain(
      "exec /own/su -s",
    );
  });

  test.each(["sudo -E", "", "~/bin/sudo", "-x", "bin/sudo", "/opt/a b", "/a\0b"])(
    "%j is no program, and refused",
    (program) => {
      expect(refusal(() => settings({ ansible_become_exe: program }))).toMatchObject({
        code: "invalid-option",
        line: AT.line,
      });
    },
  );
});

describe("ansible_ssh_args", () => {
  const connection = (values: Record<string, Value>) => connectionSettings("web1", scopeOf(values), GIVEN);

  test("are read as ansible_ssh_common_args are; what changes no connection is left out, and what Plumb does not know is refused", () => {
    expect(
      connection({
        ansible_ssh_args: "-C -o ControlMaster=auto -o ControlPersist=60s -o ProxyJump=bastion",
        ansible_ssh_common_args: "-o Port=2222",
      }),
    ).toMatchObject({ proxyJump: ["bastion"], port: 2222 });
    expect(refusal(() => connection({ ansible_ssh_args: "-o ForwardAgent=yes" }))).toMatchObject({
      code: "invalid-option",
      line: AT.line,
    });
    expect(connection({ ansible_ssh_password: "x" }).password).toBe("x");
  });
});

test.each(["ansible_host", "ansible_user", "ansible_ssh_private_key_file"])(
  "%s can't hold a NUL character",
  (name) => {
    expect(refusal(() => connectionSettings("web1", scopeOf({ [name]: "a\0b" }), GIVEN))).toMatchObject({
      code: "wrong-type",
      line: AT.line,
    });
  },
);

describe("numbers of a connection", () => {
  test.each([
    ["ansible_port", "x"],
    ["ansible_port", 0],
    ["ansible_ssh_port", 70_000],
    ["ansible_port", true],
    ["ansible_timeout", "soon"],
    ["ansible_ssh_timeout", -1],
  ])("%s: %s is refused, with its place", (name, value) => {
    expect(refusal(() => connectionSettings("web1", scopeOf({ [name]: value }), GIVEN))).toMatchObject({
      code: "wrong-type",
      line: AT.line,
      message: expect.stringContaining(name),
    });
  });

  test("may be text, as an inventory in INI may have them", () => {
    const variables = scopeOf({ ansible_port: "2222", ansible_timeout: "2.5" });
    expect(connectionSettings("web1", variables, GIVEN)).toMatchObject({
      port: 2222,
      connectTimeoutMs: 2500,
    });
  });
});

describe("times in the options of ssh", () => {
  test.each([
    ["-o ConnectTimeout=1m30s -o ServerAliveInterval=2h", 90_000, 7_200_000],
    ["-o 'ConnectTimeout 5' -o ServerAliveInterval=none", 5000, 0],
    ["-oConnectTimeout=none", 10_000, undefined],
  ])("%s", (options, connectTimeoutMs, keepAliveIntervalMs) => {
    const settings = connectionSettings("web1", scopeOf({ ansible_ssh_common_args: options }), GIVEN);
    expect(settings.connectTimeoutMs).toBe(connectTimeoutMs);
    expect(settings.keepAliveIntervalMs).toBe(keepAliveIntervalMs);
  });

  test("without any, and without --timeout, what ssh's configuration says counts", () => {
    const { connectTimeoutMs: _, ...rest } = GIVEN;
    expect(connectionSettings("web1", scopeOf({}), rest).connectTimeoutMs).toBeUndefined();
  });
});

describe("all that is wrong with how to reach a host", () => {
  const refusals = (values: Record<string, Value>): string[] => {
    try {
      connectionSettings("web1", scopeOf(values), GIVEN);
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      return error.diagnostics.map(({ message, at }) => `${at?.line}:${at?.column} ${message}`);
    }
    return [];
  };

  test("is told at once", () => {
    const told = refusals({
      ansible_port: "abc",
      ansible_connection: "locl",
      ansible_become_method: "doas",
      ansible_host: ["a"],
      ansible_ssh_common_args: "-o ForwardAgent=yes",
    });
    expect(told).toHaveLength(5);
    for (const line of told)
      expect(line).toMatch(/^3:7 web1: .*ansible_|^3:7 web1: the SSH option .*ansible_/);
  });

  test.each([
    ["ansible_host", { a: 1 }, "must be text, not a mapping"],
    ["ansible_user", [1], "must be text, not a list"],
    ["ansible_port", 22.5, "is `22.5`"],
    ["ansible_port", [22], "is `[22]`"],
    ["ansible_ssh_common_args", "-o Port=abc", "Port=abc"],
    ["ansible_ssh_common_args", "-o ConnectTimeout=soon", "ConnectTimeout=soon"],
    ["ansible_ssh_common_args", "-o StrictHostKeyChecking=maybe", "StrictHostKeyChecking=maybe"],
  ])("%s: %j", (name, value, said) => {
    expect(refusals({ [name]: value as Value })).toEqual([expect.stringContaining(said)]);
  });
});
