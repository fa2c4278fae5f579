import { describe, expect, test } from "vitest";
import type { Event, HostRecap, TaskFinished } from "../../src/converge/event.ts";
import { hostList } from "../../src/views/host-list.ts";
import { teller } from "../../src/views/teller.ts";

const time = "2026-01-01T00:00:00.000Z";
const NAMES = Array.from({ length: 500 }, (_, index) => `web${String(index + 1).padStart(3, "0")}`);
const tell = () => teller({ paint: (_, text) => text, diff: false, verbosity: 0 });

const finished = (host: string, status: TaskFinished["status"], message: string): TaskFinished => ({
  type: "task-finished",
  time,
  host,
  task: {
    taskId: "t",
    name: "Install",
    module: "package",
    handler: false,
    at: { file: "p.yml", line: 4, column: 1 },
  },
  status,
  message,
  differences: [],
  data: null,
  durationMs: 1,
  notified: [],
  attempts: 1,
});

const recap = (host: string, outcome: HostRecap["outcome"], durationMs = 100): HostRecap => ({
  host,
  outcome,
  counts: {
    ok: 3,
    changed: outcome === "ok" ? 1 : 0,
    "would-change": 0,
    unknown: 0,
    failed: outcome === "failed" ? 1 : 0,
    ignored: 0,
    rescued: 0,
    skipped: 0,
  },
  pendingHandlers: [],
  durationMs,
});

const play = (hosts: readonly string[]): Event => ({
  type: "play-started",
  time,
  playId: "p",
  name: "All",
  hosts,
  taskCount: 1,
});
const end = (hosts: readonly HostRecap[]): Event => ({
  type: "run-finished",
  time,
  runId: "r",
  outcome: "failed",
  hosts,
  durationMs: 9_000,
});

describe("a run on many hosts", () => {
  test("equal news are told once, at once, and of whom else when the play is over; the end has a summary first, causes, and hosts that fared the same in a row", () => {
    const say = tell();
    const events: Event[] = [play(NAMES)];
    for (const host of NAMES.slice(0, 490)) events.push(finished(host, "changed", "install nginx"));
    for (const [index, host] of NAMES.slice(490, 497).entries())
      events.push(finished(host, "failed", `apt says of ${host} (10.0.0.${index}): no space left`));
    for (const host of NAMES.slice(497))
      events.push({
        type: "host-unreachable",
        time,
        host,
        code: "unreachable",
        message: `${host}: could not connect to 10.9.9.9:22: refused`,
      });
    const during = events.flatMap(say);
    expect(during).toEqual([
      "",
      "PLAY All  (500 hosts)",
      "web001  changed  Install: install nginx",
      "web491  FAILED  Install: apt says of web491 (10.0.0.0): no space left",
      "    at p.yml:4:1",
      "web498  UNREACHABLE  web498: could not connect to 10.9.9.9:22: refused",
    ]);
    expect(say({ type: "play-finished", time, playId: "p" })).toEqual([
      "… and on 489 other hosts: changed  Install: install nginx",
      "    web[002:490]",
      "… and on 6 other hosts: FAILED  Install: apt says of web491 (10.0.0.0): no space left",
      "    web[492:497]",
      "… and on 2 other hosts: UNREACHABLE  web498: could not connect to 10.9.9.9:22: refused",
      "    web499, web500",
    ]);
    const hosts = NAMES.map((host, index) =>
      recap(host, index < 490 ? "ok" : index < 497 ? "failed" : "unreachable", index === 7 ? 4_000 : 100),
    );
    expect(say(end(hosts))).toEqual([
      "",
      "RECAP",
      "500 hosts: 490 ok, 7 failed, 3 unreachable",
      "490 changes made; 500 hosts in 9.00 s",
      "",
      "on 7 hosts: web[491:497]",
      "  web491  FAILED  Install: apt says of web491 (10.0.0.0): no space left",
      "      at p.yml:4:1",
      "",
      "on 3 hosts: web[498:500]",
      "  web498  UNREACHABLE  web498: could not connect to 10.9.9.9:22: refused",
      "",
      "host       ok  changed  failed             time  trips",
      "7 hosts     3        0       1           0.10 s      -  FAILED  web[491:497]",
      "3 hosts     3        0       0           0.10 s      -  UNREACHABLE  web[498:500]",
      "490 hosts   3        1       0  0.10 s – 4.00 s      -  web[001:490]",
    ]);
  });

  test("what differs in more than names is told of each; kinds beyond twenty share a row", () => {
    const say = tell();
    say(play(NAMES));
    const lines = NAMES.slice(0, 30).flatMap((host, index) =>
      say(finished(host, "changed", `version ${index}`)),
    );
    expect(lines).toHaveLength(30);
    const told = say(
      end(
        NAMES.slice(0, 30).map((host, index) => ({
          ...recap(host, "ok"),
          counts: { ...recap(host, "ok").counts, ok: index },
        })),
      ),
    );
    expect(told.at(-1)).toMatch(/^10 hosts more +\d+ +10 .*together/);
  });

  test("a few hosts have a line each, as they always had", () => {
    const say = tell();
    const few = NAMES.slice(0, 2);
    say(play(few));
    expect(few.flatMap((host) => say(finished(host, "changed", "install nginx")))).toHaveLength(2);
    expect(say({ type: "play-finished", time, playId: "p" })).toEqual([]);
    expect(
      say(end(few.map((host) => recap(host, "ok")))).filter((line) => line.startsWith("web")),
    ).toHaveLength(2);
  });

  test("one that the run was ended in, and one that it had not come to, are told apart", () => {
    const none = { ...recap("c", "ok").counts, ok: 0, changed: 0 };
    const hosts: HostRecap[] = [
      recap("a", "failed"),
      recap("b", "interrupted"),
      { ...recap("c", "interrupted"), counts: none },
    ];
    const lines = tell()(end(hosts));
    expect(lines.flatMap((line) => /^[abc] .*?([A-Z][A-Z ]+)$/.exec(line)?.[1] ?? [])).toEqual([
      "FAILED",
      "INTERRUPTED",
      "NOT BEGUN",
    ]);
    const many = NAMES.map((host, index) => ({
      ...recap(host, "interrupted"),
      ...(index < 9 ? {} : { counts: none }),
    }));
    expect(tell()(end(many)).join("\n")).toContain(`: 9 interrupted, ${NAMES.length - 9} not begun`);
  });
});

test("hosts that count up are a range, and a long list is cut with how many there are besides", () => {
  expect(hostList(["db10", "db9", "db8", "web", "db11"], 80)).toBe("db[8:11], web");
  expect(hostList(["a01.x", "a02.x", "a03.x", "a03.y"], 80)).toBe("a[01:03].x, a03.y");
  expect(hostList(["n09", "n10", "n099", "n100"], 80)).toBe("n09, n10, n099, n100");
  const odd = Array.from({ length: 100 }, (_, index) => `h${index * 2}`);
  expect(hostList(odd, 20)).toBe("h0, h2, h4, h6, h8 and 95 more");
  expect(hostList([], 20)).toBe("");
});
