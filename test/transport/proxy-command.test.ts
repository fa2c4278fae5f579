import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openSsh } from "../../src/transport/ssh.ts";
import { TransportError } from "../../src/transport/transport.ts";

/** A command that appends a line to the file `tries` whenever it is begun, and what is said of a connection through it. */
async function through(
  command: string,
  connectTimeoutMs = 10_000,
): Promise<{ error: TransportError; tries: string[] }> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  const file = path.join(folder, "command");
  const tries = path.join(folder, "tries");
  await writeFile(file, `echo "$*" >> ${tries}\n${command}\n`);
  const error = await openSsh({
    name: "web1",
    connection: "ssh",
    address: "192.0.2.7",
    port: 2222,
    user: "admin",
    password: "unused",
    configFile: "/dev/null",
    knownHostsFiles: ["/dev/null"],
    hostKeyPolicy: "strict",
    connectTimeoutMs,
    becomeMethod: "sudo",
    proxyCommand: `sh ${file} %h %p %r %n %%`,
  }).catch((caught: unknown) => caught);
  if (!(error instanceof TransportError)) throw new Error(`not refused as it should be: ${String(error)}`);
  return { error, tries: (await readFile(tries, "utf8")).trimEnd().split("\n") };
}

test("a ProxyCommand that fails is told at once, with its exit status and what it has said", async () => {
  const { error, tries } = await through("echo no way there >&2; exit 3");
  expect(error.code).toBe("unreachable");
  expect(error.message).toMatch(/^web1: the ProxyCommand `sh .* ended with exit status 3: no way there$/);
  expect(tries).toEqual(["192.0.2.7 2222 admin 192.0.2.7 %"]);
});

test("a ProxyCommand that can't be started is told as the shell does", async () => {
  const { error, tries } = await through("exec no-such-program");
  expect(error.message).toMatch(/ended with exit status 127: .*no-such-program/);
  expect(tries).toHaveLength(1);
});

test("a jump host's sshd that turns a ProxyCommand away is asked again", async () => {
  const { error, tries } = await through(
    "echo kex_exchange_identification: Connection closed by remote host >&2; exit 255",
  );
  expect(error.message).toContain("kex_exchange_identification");
  expect(tries).toHaveLength(4);
});

test("a ProxyCommand that leads nowhere is given up at the time limit, with what it has said", async () => {
  const { error } = await through("echo open the door first >&2; exec sleep 600", 300);
  expect(error.code).toBe("connect-timeout");
  expect(error.message).toMatch(/the ProxyCommand `.*` says: open the door first$/);
});
