import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noCounts } from "../../src/converge/no-counts.ts";
import { recapLines } from "../../src/views/recap-lines.ts";
import { PLUMB } from "../built-plumb.ts";

const HOSTILE = "\u001b]0;owned\u0007\u001b[2J\u009b31m\rgood\u202e";
/** All that a terminal would obey, but ends of lines. */
const CONTROLS = /[^\P{Cc}\n\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Whoever stands in the way of a connection can say why it ends, before anybody has been asked for a key (RFC 4253, 11.1). */
function disconnect(why: string): Buffer {
  const text = Buffer.from(why);
  const payload = Buffer.alloc(9 + text.length + 4);
  payload[0] = 1;
  payload.writeUInt32BE(2, 1);
  payload.writeUInt32BE(text.length, 5);
  text.copy(payload, 9);
  const padding = 16 - ((5 + payload.length) % 8);
  const packet = Buffer.alloc(5 + payload.length + padding);
  packet.writeUInt32BE(1 + payload.length + padding, 0);
  packet[4] = padding;
  payload.copy(packet, 5);
  return packet;
}

let server: Server;
let folder: string;

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write("SSH-2.0-anybody\r\n");
    socket.end(disconnect(HOSTILE));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  folder = await mkdtemp(path.join(tmpdir(), "plumb-terminal-"));
  const { port } = server.address() as AddressInfo;
  await writeFile(
    path.join(folder, "hosts.ini"),
    `web1 ansible_host=127.0.0.1 ansible_port=${port} ansible_user=nobody ansible_password=none\n`,
  );
  await writeFile(path.join(folder, "site.yml"), "- hosts: all\n  tasks: [{command: id}]\n");
});

afterAll(() => {
  server.close();
});

describe("a terminal obeys nothing that comes from the network", () => {
  test.each([
    [["ping", "all"]],
    [["exec", "all", "--", "id"]],
    [["facts", "all"]],
    [["connect", "all"]],
    [["pgbouncer", "status", "all"]],
    [["rollback", "all", "--no-record"]],
    [["run", "site.yml", "--no-record"]],
    [["plan", "site.yml"]],
    [["drift", "site.yml"]],
  ])("plumb %j tells why a host could not be reached in letters", async (args) => {
    const said = await new Promise<string>((resolve) => {
      const options = {
        cwd: folder,
        env: {
          ...process.env,
          XDG_RUNTIME_DIR: folder,
          XDG_CACHE_HOME: folder,
          PLUMB_INVENTORY: "hosts.ini",
        },
      };
      execFile(process.execPath, [PLUMB, ...args], options, (_, stdout, stderr) => resolve(stdout + stderr));
    });
    expect(said).toContain("\\u001b]0;owned\\u0007");
    expect(said).not.toMatch(CONTROLS);
  });

  test("nor from what lies on a host: names of handlers that are still to be run", () => {
    const counts = { ...noCounts(), ok: 1 };
    const lines = recapLines(
      {
        type: "run-finished",
        time: "2026-01-01T00:00:00.000Z",
        runId: "r",
        outcome: "ok",
        durationMs: 1,
        hosts: [{ host: "web1", outcome: "ok", counts, durationMs: 1, pendingHandlers: [HOSTILE] }],
      },
      [],
      (_, text) => text,
    );
    expect(lines.join("\n")).toContain("\\u001b]0;owned");
    expect(lines.join("\n")).not.toMatch(CONTROLS);
  });
});
