import type { TestVerdict, Verdict } from "./verdict.ts";
import { withUnit } from "./verdict.ts";

/** Verdicts as people say them. */
export const STATUS_WORDS: Readonly<Record<Verdict["status"] | TestVerdict["status"], string>> = {
  met: "met",
  missed: "MISSED",
  "not-measured": "not measured",
  "not-judged": "not judged",
  passed: "passed",
  failed: "FAILED",
  "not-made": "not tried",
};

/** What stands behind the verdict: one whose spread lies on both sides of the limit; one that noise keeps from being any. */
export function doubtWords({ status, isCertain, spread, value }: Verdict): string {
  if (status === "not-measured") return value === null ? "" : "too noisy";
  return isCertain || spread === null || status === "not-judged" ? "" : "but not for certain";
}

export function valueWords({ value, unit, reason }: Verdict): string {
  return value === null ? (reason ?? "") : withUnit(value, unit);
}

export function spreadWords({ spread, unit }: Verdict): string {
  return spread === null
    ? ""
    : `${withUnit(spread.low, unit)} to ${withUnit(spread.high, unit)} (${spread.meaning})`;
}
