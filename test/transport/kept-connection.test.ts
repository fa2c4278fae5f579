import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { rawShell } from "../../src/shell/shell-text.ts";
import type { ConnectionSettings } from "../../src/transport/connection-settings.ts";
import { keepConnection } from "../../src/transport/keep-connection.ts";
import { endKept, keptSocket, openKept } from "../../src/transport/kept-connection.ts";
import { keptFolder } from "../../src/transport/kept-folder.ts";
import { localChannels } from "../../src/transport/local.ts";
import type { ShellTransport } from "../../src/transport/shell-transport.ts";
import { transportContract } from "./contract.ts";

const settings = (name: string): ConnectionSettings => ({
  name,
  connection: "ssh",
  hostKeyPolicy: "strict",
  connectTimeoutMs: 10_000,
  becomeMethod: "sudo",
});

const keep = (name: string, more: { idleSeconds?: number; lost?: Promise<unknown> } = {}) =>
  keepConnection({
    socketPath: keptSocket(settings(name)),
    opener: localChannels(),
    user: "somebody",
    lost: new Promise(() => undefined),
    idleSeconds: 60,
    ...more,
  });

const openedKept = async (name: string): Promise<ShellTransport> => {
  const transport = await openKept(settings(name));
  if (transport === undefined) throw new Error("no connection is kept");
  return transport;
};

const ECHO = { script: rawShell("echo here"), as: { kind: "login" } } as const;

beforeAll(async () => {
  vi.stubEnv("XDG_RUNTIME_DIR", mkdtempSync(path.join(tmpdir(), "plumb-kept-")));
  mkdirSync(keptFolder(), { recursive: true, mode: 0o700 });
  await keep("contract");
});

afterAll(async () => {
  await endKept(settings("contract"));
  vi.unstubAllEnvs();
});

transportContract(() => openedKept("contract"));

test("serves one process after the other, and several at once", async () => {
  await keep("several");
  const first = await openedKept("several");
  expect((await first.run(ECHO)).stdout.toString()).toBe("here\n");
  await first.close();
  const both = await Promise.all([openedKept("several"), openedKept("several")]);
  const results = await Promise.all(both.map((transport) => transport.run(ECHO)));
  expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  for (const transport of both) await transport.close();
  expect(await endKept(settings("several"))).toBe(true);
});

test("ends when nobody has used it for its time, and not while somebody does", async () => {
  const { ended } = await keep("idle", { idleSeconds: 1.5 });
  const transport = await openedKept("idle");
  await transport.run({ ...ECHO, script: rawShell("sleep 2") });
  expect((await transport.run(ECHO)).exitCode).toBe(0);
  await transport.close();
  await ended;
  expect(existsSync(keptSocket(settings("idle")))).toBe(false);
  expect(await openKept(settings("idle"))).toBeUndefined();
});

test("what is under way is told when the connection is lost", async () => {
  let lose: () => void = () => undefined;
  await keep("lost", { lost: new Promise<void>((resolve) => (lose = resolve)) });
  const transport = await openedKept("lost");
  const running = transport.run({ ...ECHO, script: rawShell("sleep 5") });
  await transport.run({ ...ECHO, besideOthers: true });
  lose();
  expect((await running).connectionLost).toBe(true);
  expect((await transport.lost).code).toBe("connection-lost");
});

test("other settings lead to no connection that is kept", async () => {
  await keep("one");
  for (const other of [{ user: "root" }, { port: 2222 }, { address: "10.0.0.1" }, { proxyJump: ["jump"] }])
    expect(await openKept({ ...settings("one"), ...other })).toBeUndefined();
  await endKept(settings("one"));
});

test("a folder that others may enter, or that is another user's, is not believed", async () => {
  await keep("open");
  chmodSync(keptFolder(), 0o755);
  expect(await openKept(settings("open"))).toBeUndefined();
  chmodSync(keptFolder(), 0o700);
  chownSync(keptFolder(), 12345, 12345);
  expect(await openKept(settings("open"))).toBeUndefined();
  chownSync(keptFolder(), process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  expect(await endKept(settings("open"))).toBe(true);
  expect(await endKept(settings("open"))).toBe(false);
});
