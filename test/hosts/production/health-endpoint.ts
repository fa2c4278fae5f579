import { spawn } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { expect, test } from "vitest";
import type { HostPoolers } from "../../../src/views/pooler-status.ts";
import { onHost } from "../lab-hosts.ts";
import { consoleCommand, health } from "../pooler-health.ts";
import { POOLERS, SMALL } from "./rehearsal.ts";
import { client, PORTS, plumb, plumbLine, provision } from "./setting.ts";

export function healthEndpoint(): void {
  test("a second run changes nothing, and drift of it is found and mended", async () => {
    expect((await provision("pgbouncer.yml", { extra: SMALL })).changed).toEqual([]);
    await onHost(
      "pool1",
      "echo x > /etc/plumb-pgbouncer-health/pgpass; chmod 0644 /etc/plumb-pgbouncer-health/pgpass; systemctl stop plumb-pgbouncer-health.socket",
    );
    const mended = await provision("pgbouncer.yml", { extra: SMALL, limit: "pool1" });
    expect(mended.changed).toEqual([
      expect.stringContaining("Its password"),
      expect.stringContaining("Listening now"),
    ]);
    expect((await health("pool1")).status).toBe(200);
  });

  test("a program that fails again and again is told as one, and serves as soon as it has been mended", async () => {
    const unit = "plumb-pgbouncer-health";
    await onHost(
      "pool1",
      `rm /usr/local/lib/plumb/PgbouncerHealth/Log.pm; for n in $(seq 8); do systemctl restart ${unit}.service 2>/dev/null || true; done`,
    );
    // Somebody asks, and it is started once more.
    const asked = `timeout 2 bash -c '</dev/tcp/127.0.0.1/${PORTS.pgbouncer_health_port}'; sleep 0.3; systemctl is-active ${unit}.socket`;
    expect(await onHost("pool1", asked)).toBe("active\n");
    const mended = await provision("pgbouncer.yml", { extra: SMALL, limit: "pool1" });
    expect(mended.failed).toEqual([]);
    expect((await health("pool1")).status).toBe(200);
  });

  test("its unit leaves hardly any rights", async () => {
    for (const host of POOLERS) {
      const said = await onHost(
        host,
        "systemd-analyze security plumb-pgbouncer-health --no-pager | tail -n 1",
      );
      expect(Number(/(\d+\.\d+)/.exec(said)?.[1])).toBeLessThanOrEqual(1.3);
    }
  });

  test("plumb pgbouncer status shows both releases, and what is wrong with a pooler", async () => {
    const good = await plumb("pgbouncer", "status", "poolers", "--json");
    expect(good.code).toBe(0);
    const { hosts } = JSON.parse(good.stdout) as { hosts: HostPoolers[] };
    expect(
      hosts.map(({ host, poolers }) => [host, poolers?.[0]?.version, poolers?.[0]?.health?.reason]),
    ).toEqual([
      ["pool1", "1.18.0", "ok"],
      ["pool2", "1.24.1", "ok"],
    ]);
    for (const { poolers } of hosts) {
      expect(poolers?.[0]?.pools.map(({ user, poolSize }) => [user, poolSize])).toContainEqual(["app", 2]);
      expect(poolers?.[0]?.certificates.map(({ daysLeft }) => daysLeft > 300)).toEqual([true, true]);
    }
    await watched();
    await consoleCommand("pool2", "SET query_wait_timeout = 77");
    await onHost("pool1", "systemctl stop pgbouncer");
    const bad = await plumb("pgbouncer", "status", "poolers");
    await onHost("pool1", "systemctl start pgbouncer");
    await consoleCommand("pool2", "RELOAD");
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/pool2: query_wait_timeout is 77, the file says \d+/);
    expect(bad.stdout).toMatch(/pool1: stopped: (PgBouncer is not running|connection to server .* failed)/);
  });

  test("it says 200 only when a client would be served, and else why", async () => {
    await Promise.all(POOLERS.map(walkThroughStates));
  });

  test("a database that hangs is told as slow, and metrics are there before Prometheus gives up", async () => {
    const frozen = (signal: string): Promise<string> => onHost("db1", `kill -${signal} $(pgrep -x postgres)`);
    const metrics = (host: string): Promise<string> =>
      onHost(
        host,
        `exec 3<>/dev/tcp/127.0.0.1/${PORTS.pgbouncer_health_port}; printf 'GET /metrics HTTP/1.1\\r\\nX-Prometheus-Scrape-Timeout-Seconds: 1\\r\\n\\r\\n' >&3; timeout 30 cat <&3`,
      );
    for (const host of POOLERS) expect((await health(host)).status).toBe(200);
    await frozen("STOP");
    try {
      // The cache of the last answer is over.
      await wait(1100);
      await Promise.all(
        POOLERS.map(async (host) => {
          const said = await metrics(host);
          expect(said).toContain("pgbouncer_up 1\n");
          expect(said).toContain('pgbouncer_pools_client_waiting_connections{database="app",user="app"}');
          const { status, reason } = await health(host);
          expect(`${status} ${reason}`).toBe("503 slow");
          expect(await metrics(host)).toContain('pgbouncer_health_reason{database="app",reason="slow"} 1');
        }),
      );
    } finally {
      await frozen("CONT");
    }
    for (const host of POOLERS) await expect.poll(async () => (await health(host)).status).toBe(200);
  });

  test("a pooler that is being drained gets nobody new, and a drain that was forgotten ends by itself", async () => {
    const routing = async (until: string): Promise<string> => {
      await onHost("pool1", `date -d '${until}' +%s > /run/plumb-pgbouncer-drain`);
      const { status, reason } = await health("pool1", "/health/routing");
      return `${status} ${reason}`;
    };
    expect(await routing("1 minute")).toBe("404 draining");
    expect((await health("pool1")).status).toBe(200);
    expect(await routing("1 minute ago")).toBe("200 ok");
    await onHost("pool1", "rm /run/plumb-pgbouncer-drain");
  });

  test("slow and many clients keep nobody waiting", async () => {
    expect(await onHost("pool1", `perl -e '${SLOW_AND_MANY}'`)).toBe("30 answered, 0 slow ones given up\n");
    // One probe has answered all: 30 would have been 30 logins.
    expect(await onHost("pool1", "pgrep -c -u pgbouncer perl")).toBe("1\n");
  });

  test("the password stands in no process list, and in no file that others can read", async () => {
    const found = await onHost(
      "pool1",
      "stat -c '%a %U' /etc/plumb-pgbouncer-health/pgpass; systemctl show plumb-pgbouncer-health -p Environment | grep -c PASSWORD || true",
    );
    expect(found).toBe("600 pgbouncer\n0\n");
  });
}

/** At a terminal each look takes the place of the one before; what changes on the host is seen by itself, until Ctrl-C. */
async function watched(): Promise<void> {
  const command = plumbLine("pgbouncer", "status", "pool1", "--watch", "--interval", "1");
  const child = spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const cleared = "\u001b[H\u001b[2J";
  const screens = (): string[] => said.split(cleared).slice(1);
  await expect.poll(() => said).toContain(cleared);
  await expect.poll(() => screens().length).toBeGreaterThan(1);
  await consoleCommand("pool1", "PAUSE");
  await expect.poll(() => screens().at(-1)).toMatch(/paused/);
  await consoleCommand("pool1", "RESUME");
  child.stdin.write("\u0003");
  await ended;
  expect(screens()[0]).toMatch(/pool1.*1\.18\.0/);
  expect(screens()[0]).not.toMatch(/paused/);
}

/** Forty that begin to ask and stop, then thirty that ask; when the last of these has its answer, none of the slow ones may have been given up. */
const SLOW_AND_MANY = `use IO::Socket::INET; use IO::Select;
sub asking { my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:${PORTS.pgbouncer_health_port}") or die $!; syswrite $socket, shift; $socket }
my @slow = map { asking("GET /hea") } 1 .. 40;
my $open = IO::Select->new(map { asking("GET /health HTTP/1.0\r\n\r\n") } 1 .. 30);
my $answered = 0;
while ($open->count and my @ready = $open->can_read(20)) {
  for my $socket (@ready) { sysread $socket, my $said, 64; $answered += $said =~ m{^HTTP/1.. 200 OK}; $open->remove($socket) }
}
printf "%d answered, %d slow ones given up\n", $answered, scalar IO::Select->new(@slow)->can_read(0)`;

const PASSWORD = "/etc/plumb-pgbouncer-health/pgpass";

/** Brings a pooler into every state in which it accepts connections and serves nobody, and out of it again. */
async function walkThroughStates(host: string): Promise<void> {
  const says = async (wanted: string, when: string): Promise<void> => {
    const said = async (): Promise<string> => {
      const { status, reason } = await health(host);
      return `${status} ${reason}`;
    };
    await expect.poll(said, { message: `${host} ${when}`, interval: 300 }).toBe(wanted);
  };
  let inside: pg.Client | undefined;
  const states: readonly (readonly [string, () => Promise<unknown>, () => Promise<unknown>])[] = [
    ["503 paused", () => consoleCommand(host, "PAUSE"), () => consoleCommand(host, "RESUME")],
    ["503 paused", () => consoleCommand(host, "PAUSE app"), () => consoleCommand(host, "RESUME app")],
    ["503 disabled", () => consoleCommand(host, "DISABLE app"), () => consoleCommand(host, "ENABLE app")],
    [
      "503 full",
      async () => {
        inside = await client(host);
        await consoleCommand(host, "SET max_client_conn = 1");
      },
      async () => {
        await inside?.end();
        await onHost(host, "systemctl reload pgbouncer");
      },
    ],
    [
      "503 unresponsive",
      () => onHost(host, "systemctl kill -s STOP pgbouncer"),
      () => onHost(host, "systemctl kill -s CONT pgbouncer"),
    ],
    [
      "503 refused",
      () => onHost(host, `cp -p ${PASSWORD} /root/kept; sed -i 's/[^:]*$/wrong/' ${PASSWORD}`),
      () => onHost(host, `cp -p /root/kept ${PASSWORD}; rm /root/kept`),
    ],
    [
      "503 database-gone",
      async () => {
        // As if PostgreSQL were down, for this pooler alone.
        await onHost(
          host,
          `nft 'add table inet gone; add chain inet gone out { type filter hook output priority 0; }; add rule inet gone out tcp dport ${PORTS.postgresql_port} reject with tcp reset'`,
        );
        await consoleCommand(host, "RECONNECT");
      },
      () => onHost(host, "nft delete table inet gone"),
    ],
    [
      "503 stopped",
      () => onHost(host, "systemctl stop pgbouncer"),
      () => onHost(host, "systemctl start pgbouncer"),
    ],
  ];
  // The endpoint may still say what was true a moment ago.
  await says("200 ok", "at first");
  for (const [wanted, cause, undo] of states) {
    await cause();
    await says(wanted, `after ${cause}`);
    await undo();
    await says("200 ok", `after ${undo}`);
  }
}
