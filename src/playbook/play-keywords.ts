import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { isFactSubset, knownFactSubsets } from "../queries/fact-subsets.ts";
import { evaluate, literalOf } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { Entries } from "./entries.ts";
import type { Play } from "./playbook.ts";
import { present } from "./present.ts";

type PlayKeywords = Pick<
  Play,
  "gatherFacts" | "gatherSubset" | "order" | "strategy" | "serial" | "maxFailPercentage"
>;

const NAMES = [
  "gather_facts",
  "gather_subset",
  "gather_timeout",
  "force_handlers",
  "order",
  "strategy",
  "serial",
  "max_fail_percentage",
] as const;

/** Which hosts at a time, and what happens when some fail; templates are left for `settledPlay`, everything else is checked now. */
export function playKeywords(entries: Entries): PlayKeywords & Pick<Play, "written"> {
  const written = NAMES.flatMap((name) => entries.entry(name) ?? []);
  const known = written.filter(({ value }) => literalOf(value) !== undefined);
  const literal = new Entries({ kind: "map", entries: known }, "a play", entries.at, entries.problems);
  return { ...readKeywords(literal), written };
}

/**
 * The play with its templates rendered. They see the play's own `vars` and the extra variables: no host is known yet.
 *
 * @throws DiagnosticsError for what can't be rendered, or comes to something that the keyword does not take.
 */
export function settledPlay(play: Play, scope: Scope): Play {
  if (play.written.every(({ value }) => literalOf(value) !== undefined)) return play;
  const rendered = play.written.map((entry): TemplatedEntry => {
    const value: Templated = { kind: "literal", value: evaluate(entry.value, scope) };
    return { ...entry, value: { ...value, ...present("at", entry.value.at) } };
  });
  const entries = new Entries({ kind: "map", entries: rendered }, "a play", play.at, []);
  const settled = { ...play, ...readKeywords(entries) };
  if (entries.problems.length > 0) throw new DiagnosticsError(entries.problems);
  return settled;
}

function readKeywords(entries: Entries): PlayKeywords {
  // Handlers run after a failure whatever this says; it is read to tell what it can't be.
  entries.boolean("force_handlers");
  entries.number("gather_timeout");
  return {
    gatherFacts: entries.boolean("gather_facts") ?? true,
    gatherSubset: gatherSubset(entries),
    order: orderOf(entries),
    strategy: strategyOf(entries),
    serial: itemsOf(entries, "serial").flatMap((size) => batchSize(size, entries)),
    ...present("maxFailPercentage", percentage(entries)),
  };
}

/** A rendered template may have become a list. */
function itemsOf(entries: Entries, key: string): readonly unknown[] {
  const items: readonly unknown[] = entries.list(key).map((item) => literalOf(item));
  const [first] = items;
  return items.length === 1 && Array.isArray(first) ? (first as unknown[]) : items;
}

function gatherSubset(entries: Entries): string[] {
  const items = itemsOf(entries, "gather_subset");
  if (items.some((item) => typeof item !== "string"))
    return entries.wrong("gather_subset", "words, or a list of them") ?? [];
  const words = items.flatMap((item) => String(item).split(","));
  return words
    .map((word) => word.trim())
    .filter((word) => {
      if (isFactSubset(word)) return true;
      const meant = didYouMean(word.replace(/^!/, ""), knownFactSubsets());
      entries.note({
        code: "wrong-type",
        message: `\`gather_subset\` has no facts \`${word}\``,
        at: entries.positionOf("gather_subset"),
        ...(meant === undefined
          ? { expected: knownFactSubsets().join(", ") }
          : { hint: `did you mean \`${meant}\`?` }),
      });
      return false;
    });
}

const ORDERS: readonly Play["order"][] = [
  "inventory",
  "reverse_inventory",
  "sorted",
  "reverse_sorted",
  "shuffle",
];

function orderOf(entries: Entries): Play["order"] {
  const written = entries.text("order");
  if (written === undefined || written === "default") return "inventory";
  const order = ORDERS.find((one) => one === written);
  if (order === undefined) entries.wrongChoice("order", ORDERS);
  return order ?? "inventory";
}

/** `host_pinned` is Ansible's `free` that holds on to a connection, which Plumb does anyway; Mitogen's are the same ones, made faster. */
function strategyOf(entries: Entries): Play["strategy"] {
  const strategy =
    entries
      .text("strategy")
      ?.replace(/^.*\./, "")
      .replace(/^mitogen_/, "") ?? "linear";
  if (strategy === "free" || strategy === "host_pinned") return "free";
  if (strategy === "debug") {
    entries.note({
      code: "wrong-type",
      message: "`strategy: debug` has no debugger to start",
      at: entries.positionOf("strategy"),
      hint: "--step asks before each task, and -vv shows what each was given and gave",
    });
  } else if (strategy !== "linear")
    entries.wrongChoice("strategy", ["linear", "free", "host_pinned"], "linear, free or host_pinned");
  return "linear";
}

function percentage(entries: Entries): number | undefined {
  const value = entries.value("max_fail_percentage");
  const literal = value === undefined ? undefined : literalOf(value);
  if (literal === undefined) return undefined;
  const number = typeof literal === "string" ? Number(/^(\d+(?:\.\d+)?)%?$/.exec(literal)?.[1]) : literal;
  if (typeof number === "number" && number >= 0 && number <= 100) return number;
  return entries.wrong("max_fail_percentage", "a percentage from 0 to 100");
}

function batchSize(size: unknown, entries: Entries): Play["serial"] {
  if (typeof size === "number" && Number.isInteger(size) && size >= 0) return size === 0 ? [] : [size];
  if (typeof size === "string" && /^\d+$/.test(size)) return Number(size) === 0 ? [] : [Number(size)];
  const percent = typeof size === "string" ? /^(\d+(?:\.\d+)?)%$/.exec(size)?.[1] : undefined;
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100)
    return [{ percent: Number(percent) }];
  entries.wrong("serial", "a number of hosts, a percentage such as 25%, or a list of them");
  return [];
}
