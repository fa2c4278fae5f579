import type { Event } from "../converge/event.ts";
import { eventLines, type LineOptions } from "./event-lines.ts";
import { hostList } from "./host-list.ts";
import { recapLines } from "./recap-lines.ts";
import { safeText } from "./safe-text.ts";
import { countOf } from "./words.ts";

/** With more hosts than this in a play, what many of them have in common is told once. */
const MANY = 10;

interface News {
  lines: readonly string[];
  first: string;
  hosts: Set<string>;
}

/**
 * Tells a run to a person, event by event. In a play with many hosts each piece of news is told of the first host that has it, at once; which other ones had the same is told
 * when the play is over, and at the end of the run what went wrong stands with all its hosts.
 */
export function teller(options: LineOptions): (event: Event) => string[] {
  const { paint } = options;
  const causes = new Map<string, News>();
  let news = new Map<string, News>();
  let groups = false;
  const others = (): string[] => {
    const lines = [...news.values()].flatMap(({ lines: [head = ""], first, hosts }) => {
      const rest = [...hosts].slice(1);
      if (rest.length === 0) return [];
      const intro = paint("gray", `… and on ${countOf(rest.length, "other host")}:`);
      return [`${intro} ${withoutHost(head, first)}`, `    ${hostList(rest, 160)}`];
    });
    news = new Map();
    return lines;
  };
  const withoutHost = (head: string, host: string): string =>
    head.replace(paint("bold", safeText(host)), "").trimStart();
  return (event) => {
    if (event.type === "run-finished") {
      const wrong = [...causes.values()].map((one) => ({ lines: one.lines, hosts: [...one.hosts] }));
      return [...others(), ...recapLines(event, wrong, paint)];
    }
    if (event.type === "play-finished") return others();
    const lines = eventLines(event, options);
    if (event.type === "play-started") {
      const before = others();
      groups = event.hosts.length > MANY;
      return [...before, ...lines];
    }
    if (lines.length === 0 || !("host" in event) || event.host === undefined) return lines;
    const { host } = event;
    const key = withoutNames(lines, host);
    const isTrouble =
      event.type === "host-unreachable" || (event.type === "task-finished" && event.status === "failed");
    if (isTrouble) add(causes, key, host, lines);
    if (!groups) return lines;
    return add(news, key, host, lines) ? lines : [];
  };
}

/** @returns whether it is the first of its kind. */
function add(to: Map<string, News>, key: string, host: string, lines: readonly string[]): boolean {
  const known = to.get(key);
  if (known === undefined) to.set(key, { lines, first: host, hosts: new Set([host]) });
  else known.hosts.add(host);
  return known === undefined;
}

/** What makes two pieces of news the same: all but the names of hosts, and their addresses. */
function withoutNames(lines: readonly string[], host: string): string {
  return lines
    .join("\n")
    .replaceAll(host, "\0")
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b|\[?\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}\b\]?/g, "\0");
}
