import type { TaskStatus } from "../converge/event.ts";
import type { Colour } from "./colour.ts";

/** What a status is called. */
export const STATUS_WORDS: Record<TaskStatus, { word: string; colour: Colour }> = {
  ok: { word: "ok", colour: "green" },
  changed: { word: "changed", colour: "yellow" },
  "would-change": { word: "would change", colour: "yellow" },
  unknown: { word: "unknown", colour: "cyan" },
  failed: { word: "FAILED", colour: "red" },
  ignored: { word: "failed (ignored)", colour: "cyan" },
  rescued: { word: "failed (rescued)", colour: "cyan" },
  skipped: { word: "skipped", colour: "gray" },
};

/** `1 host`, `2 hosts`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
