import { type HostRecap, type RunFinished, TASK_STATUSES, type TaskStatus } from "../converge/event.ts";
import type { Paint } from "./colour.ts";
import { formatDuration } from "./duration.ts";
import { hostList } from "./host-list.ts";
import { safeText } from "./safe-text.ts";
import { tableLines } from "./table.ts";
import { countOf, STATUS_WORDS } from "./words.ts";

/** Of more hosts than this a line each is no recap any more. */
const MOST_ROWS = 20;

/** Something that went wrong, as it was told of the first host, and where it did. */
export interface Cause {
  lines: readonly string[];
  hosts: readonly string[];
}

/**
 * The end of a run. Of a few hosts, a line each. Of many: how it went in a line, what went wrong by its cause, and then a line for all hosts that fared the same.
 */
export function recapLines(event: RunFinished, causes: readonly Cause[], paint: Paint): string[] {
  const rows = event.hosts.length > MOST_ROWS ? groupRows(event.hosts) : hostRows(event.hosts);
  const total = [totalText(event), ...retryLines(event)];
  const table = tableOf(event.hosts, rows, paint);
  if (event.hosts.length <= MOST_ROWS) return ["", paint("bold", "RECAP"), ...table, "", ...total];
  return [
    "",
    paint("bold", "RECAP"),
    outcomesText(event.hosts),
    ...total,
    ...causeLines(causes),
    "",
    ...table,
  ];
}

interface Row {
  name: string;
  counts: HostRecap["counts"];
  time: string;
  trips: string;
  isOk: boolean;
  text: string;
}

function hostRows(hosts: readonly HostRecap[]): Row[] {
  return hosts.map((host) => ({
    name: safeText(host.host),
    counts: host.counts,
    time: formatDuration(host.durationMs),
    trips: host.counters === undefined ? "-" : String(host.counters.roundTrips),
    isOk: host.outcome === "ok",
    text: outcomeText(host),
  }));
}

/** Hosts that fared the same in a row; what went wrong first, then the most. */
function groupRows(hosts: readonly HostRecap[]): Row[] {
  const groups = Map.groupBy(hosts, (host) => JSON.stringify([host.outcome, host.counts, outcomeText(host)]));
  const rows = [...groups.values()]
    .map((group) => ({ group, isOk: group[0]?.outcome === "ok" }))
    .sort((one, other) => Number(one.isOk) - Number(other.isOk) || other.group.length - one.group.length);
  const shown = rows.slice(0, MOST_ROWS).flatMap(({ group, isOk }) => {
    const [first] = group;
    if (first === undefined) return [];
    const names = group.map(({ host }) => host);
    const times = group.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
    const trips = group.flatMap(({ counters }) => (counters === undefined ? [] : [counters.roundTrips]));
    const list = group.length === 1 ? "" : hostList(names, 60);
    return {
      name: group.length === 1 ? safeText(first.host) : countOf(group.length, "host"),
      counts: first.counts,
      time: rangeText(times.map(formatDuration)),
      trips: rangeText(trips.sort((a, b) => a - b).map(String)),
      isOk,
      text: [outcomeText(first), list].filter((part) => part !== "").join("  "),
    };
  });
  const rest = rows.slice(MOST_ROWS).flatMap(({ group }) => group);
  return rest.length === 0 ? shown : [...shown, ...restRow(rest)];
}

/** The counts of hosts that have no row of their own, added up. */
function restRow(rest: readonly HostRecap[]): Row[] {
  const [first] = rest;
  if (first === undefined) return [];
  const sum = (status: TaskStatus): number => rest.reduce((total, { counts }) => total + counts[status], 0);
  const statuses = Object.keys(first.counts) as TaskStatus[];
  return [
    {
      name: `${countOf(rest.length, "host")} more`,
      counts: Object.fromEntries(statuses.map((status) => [status, sum(status)])) as HostRecap["counts"],
      time: "",
      trips: "",
      isOk: rest.every(({ outcome }) => outcome === "ok"),
      text: "together, each in its own way",
    },
  ];
}

function rangeText(sorted: readonly string[]): string {
  const [first, last] = [sorted[0] ?? "-", sorted.at(-1) ?? "-"];
  return first === last ? first : `${first} – ${last}`;
}

function tableOf(hosts: readonly HostRecap[], rows: readonly Row[], paint: Paint): string[] {
  const shown = TASK_STATUSES.filter(
    (status) =>
      ["ok", "changed", "failed"].includes(status) || hosts.some(({ counts }) => counts[status] > 0),
  );
  const head = [
    "host",
    ...shown.map((status) => STATUS_WORDS[status].word.toLowerCase()),
    "time",
    "trips",
    "",
  ];
  const right = new Set(shown.map((_, index) => index + 1).concat(shown.length + 1, shown.length + 2));
  const cells = rows.map(({ name, counts, time, trips, isOk, text }) => [
    paint(isOk ? "green" : "red", name),
    ...shown.map((status) => String(counts[status])),
    time,
    trips,
    text,
  ]);
  return tableLines([head, ...cells], right);
}

const NOT_BEGUN = "not begun";
const OUTCOMES = ["ok", "failed", "unreachable", "interrupted", NOT_BEGUN] as const;

function outcomesText(hosts: readonly HostRecap[]): string {
  const parts = OUTCOMES.map((outcome) => ({
    outcome,
    count: hosts.filter((host) => outcomeWord(host) === outcome).length,
  }));
  return `${countOf(hosts.length, "host")}: ${parts
    .filter(({ count }) => count > 0)
    .map(({ outcome, count }) => `${count} ${outcome}`)
    .join(", ")}`;
}

function causeLines(causes: readonly Cause[]): string[] {
  const largest = causes.toSorted((one, other) => other.hosts.length - one.hosts.length);
  return largest.flatMap(({ lines, hosts }) => [
    "",
    `on ${countOf(hosts.length, "host")}: ${hostList(hosts, 160)}`,
    ...lines.map((line) => `  ${line}`),
  ]);
}
function outcomeText(host: HostRecap): string {
  const pending =
    host.pendingHandlers.length === 0
      ? ""
      : ` handlers that run next time: ${safeText(host.pendingHandlers.join(", "))}`;
  return `${host.outcome === "ok" ? "" : safeText(outcomeWord(host)).toUpperCase()}${pending}`.trim();
}

/** A host whose turn had not come when the run was ended, by whomever, was not interrupted in anything. */
function outcomeWord({ outcome, counts }: HostRecap): string {
  const isBegun = Object.values(counts).some((count) => count > 0);
  return outcome === "interrupted" && !isBegun ? NOT_BEGUN : outcome;
}

function totalText(event: RunFinished): string {
  const sum = (status: TaskStatus): number =>
    event.hosts.reduce((total, host) => total + host.counts[status], 0);
  const [changed, would, unknown] = [sum("changed"), sum("would-change"), sum("unknown")];
  const parts = [
    changed > 0 ? `${countOf(changed, "change")} made` : undefined,
    would > 0 ? `${countOf(would, "change")} would be made` : undefined,
    unknown > 0 ? `${unknown} can't be known before they run` : undefined,
  ].filter((part) => part !== undefined);
  // Of a host that did not come to its end nobody knows.
  const nothing = event.hosts.every(({ outcome }) => outcome === "ok")
    ? "nothing to change"
    : "nothing was changed";
  const what = parts.length === 0 ? nothing : parts.join(", ");
  return `${what}; ${countOf(event.hosts.length, "host")} in ${formatDuration(event.durationMs)}`;
}

function retryLines({ retryFile }: RunFinished): string[] {
  return retryFile === undefined
    ? []
    : [`the hosts that failed, for another try: --limit @${safeText(retryFile)}`];
}
