import { describe, expect, test } from "vitest";
import { HostVariables } from "../../src/converge/host-variables.ts";
import { connectionSettings } from "../../src/inventory/connection-variables.ts";
import { sshConfigOf } from "../../src/transport/ssh-config.ts";
import { parseVariables } from "../../src/variables/variables-file.ts";

const overrides = { becomeMethod: "sudo", hostKeyPolicy: "strict", connectTimeoutMs: 1000 } as const;

function variablesWith(inventory: string): HostVariables {
  const none = { level: "none", variables: new Map() };
  return new HostVariables({
    inventory: [{ level: "inventory", variables: parseVariables(inventory, "hosts.yml") }],
    play: [],
    extra: none,
    magic: none,
  });
}

const task = { keywords: { variables: [], includeVariables: [] }, role: undefined } as unknown as Parameters<
  HostVariables["scopeOf"]
>[0];

describe("what a host tells of itself", () => {
  test("never says where the host is, as whom to go there, and with what", () => {
    const variables = variablesWith("ansible_host: 192.0.2.1\nansible_user: admin\n");
    const before = connectionSettings("web1", variables.scopeOf(task), overrides);
    const names = [
      ...["host", "port", "user", "password", "pass", "connection", "timeout", "private_key_file", "become"],
      ...[
        "become_user",
        "become_password",
        "become_pass",
        "become_method",
        "become_exe",
        "host_key_checking",
      ],
      ...["ssh_host", "ssh_port", "ssh_user", "ssh_pass", "ssh_private_key_file", "ssh_common_args"],
      ...["ssh_extra_args", "ssh_args", "ssh_timeout", "ssh_executable", "shell_type", "shell_executable"],
    ];
    variables.joinFacts(Object.fromEntries(names.map((name) => [name, "evil"])));
    const scope = variables.scopeOf(task);
    expect(connectionSettings("web1", scope, overrides)).toEqual(before);
    for (const name of names)
      expect([name, scope.lookup(`ansible_${name}`) ?? null]).not.toEqual([name, "evil"]);
    expect(scope.lookup("ansible_facts")).toMatchObject({ host: "evil" });
  });

  test("is not a template, whatever it looks like and wherever it stands", () => {
    const variables = variablesWith("said: '{{ ansible_distribution }} {{ ansible_facts.deep.list.[0] }}'\n");
    const forged = "{{ said }} {{{{raw}}}} {{#if 1}}";
    variables.joinFacts({ distribution: forged, deep: { list: [forged], "{{ said }}": 1 } });
    variables.set("result", { stdout: forged });
    const scope = variables.scopeOf(task);
    expect(scope.lookup("said")).toBe(`${forged} ${forged}`);
    expect(scope.lookup("result")).toEqual({ stdout: forged });
  });
});

describe("a connection", () => {
  test("takes a password that was typed as it is, braces and all", () => {
    const becomePassword = "{{ 6 * 7 }}{{{{";
    const settings = connectionSettings("web1", variablesWith("a: 1\n").scopeOf(task), {
      ...overrides,
      becomePassword,
    });
    expect(settings.becomePassword).toBe(becomePassword);
  });

  test("to a host whose name looks like an option asks ssh for a host of that name, or is refused", async () => {
    const asked = sshConfigOf("-oProxyCommand=touch /tmp/owned", {});
    // An option without a host would be refused as well: ssh has to have looked at it as a host's name.
    await expect(asked).rejects.toThrow(/hostname contains invalid characters/);
  });

  test("can't be told to trust any key: the most that can be had is the first key of a host that nobody knows", () => {
    const settings = connectionSettings(
      "web1",
      variablesWith(
        "ansible_host_key_checking: false\nansible_ssh_common_args: -o StrictHostKeyChecking=no\n",
      ).scopeOf(task),
      overrides,
    );
    expect(settings.hostKeyPolicy).toBe("accept-new");
  });
});
