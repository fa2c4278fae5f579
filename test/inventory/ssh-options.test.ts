import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { sshOptions } from "../../src/inventory/ssh-options.ts";
import { createScope } from "../../src/variables/host-scope.ts";

const AT = { file: "hosts.yml", line: 3, column: 7 };

function optionsOf(values: Record<string, string>): ReturnType<typeof sshOptions> {
  const variables = new Map(
    Object.entries(values).map(([name, value]) => [
      name,
      { value: { kind: "literal" as const, value }, at: AT },
    ]),
  );
  return sshOptions("web1", createScope({ layers: [{ level: "host variables", variables }] }));
}

function refusal(values: Record<string, string>): string {
  try {
    optionsOf(values);
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    return error.diagnostics.map(({ message, at }) => `${at?.line}:${at?.column} ${message}`).join("\n");
  }
  throw new Error("nothing was refused");
}

const common = (text: string): ReturnType<typeof sshOptions> => optionsOf({ ansible_ssh_common_args: text });

describe("a ProxyCommand", () => {
  test.each([
    `-o ProxyCommand="ssh -W %h:%p -q bastion"`,
    `-o 'ProxyCommand=ssh -W %h:%p -q bastion'`,
    `-o "ProxyCommand ssh -W %h:%p -q bastion"`,
    `'-oProxyCommand=ssh -W %h:%p -q bastion'`,
    `-C -o proxycommand="ssh -W %h:%p -q bastion" -o Port=22`,
  ])("as Ansible inventories have it: %s", (text) => {
    expect(common(text).proxyCommand).toBe("ssh -W %h:%p -q bastion");
  });

  test("keeps quotes inside of it, which its shell reads", () => {
    expect(common(`-o ProxyCommand="sh -c 'nc \\"%h\\" %p'"`).proxyCommand).toBe(`sh -c 'nc "%h" %p'`);
  });

  test("excludes a jump host: the one that comes first counts, and none is none of both", () => {
    expect(common("-J a -o ProxyCommand=b")).toEqual({ proxyJump: ["a"] });
    expect(common("-o ProxyCommand=b -J a -p 1")).toEqual({ proxyCommand: "b", port: 1 });
    expect(common("-o ProxyCommand=none -J a")).toEqual({ proxyJump: [] });
    expect(common("-o ProxyJump=none -o ProxyCommand=b")).toEqual({ proxyJump: [] });
  });

  test("with a token that means nothing, without a command, or with a quote that is not closed is refused where it stands", () => {
    expect(refusal({ ansible_ssh_common_args: "-o ProxyCommand='nc %h %x'" })).toMatch(/^3:7 web1: `%x`/);
    expect(refusal({ ansible_ssh_common_args: "-o ProxyCommand='nc 5%'" })).toMatch(/^3:7 web1: `%`/);
    expect(refusal({ ansible_ssh_common_args: "-o ProxyCommand=" })).toMatch(/^3:7 web1: .*ProxyCommand/);
    expect(refusal({ ansible_ssh_extra_args: '-o ProxyCommand="nc' })).toMatch(
      /^3:7 web1: ansible_ssh_extra_args can't be read: the quote " is not closed/,
    );
  });
});

test("of an option that is there twice the first counts, and of the variables ansible_ssh_args, as Ansible gives them to ssh", () => {
  expect(common("-p 1 -o Port=2 -l a -o User=b")).toEqual({ port: 1, user: "a" });
  expect(
    optionsOf({
      ansible_ssh_extra_args: "-p 3 -l c -i key",
      ansible_ssh_common_args: "-p 2 -l b",
      ansible_ssh_args: "-p 1",
    }),
  ).toEqual({ port: 1, user: "b", privateKeyFile: "key" });
});
