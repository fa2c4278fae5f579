import type { Part, Single } from "./measurements.ts";
import { median, quantile } from "./statistics.ts";
import { withUnit } from "./verdict.ts";

/** How steadily the machines worked while they were measured. */
export interface Noise {
  isNoisy: boolean;
  words: string;
}

/** The slowest of a hundred queries takes two to five times as long as the one in the middle where nothing else happens, and fifty times where others have the processors. */
const NOISY = 10;
const FEWEST = 20;

/**
 * Told from the queries that go past the pooler, on a connection that stays: nothing of what is judged has a part in them. Without a direct way those through the pooler have to do.
 *
 * @returns undefined where there are too few.
 */
export function noiseOf(single: Part<Single>): Noise | undefined {
  if ("reason" in single) return undefined;
  const { direct, pooled } = single.measured.latency;
  const [queries, which] = direct.length > 0 ? [direct, "direct"] : [pooled, "pooled"];
  if (queries.length < FEWEST) return undefined;
  const [middle, slow] = [median(queries), quantile(queries, 0.99)];
  return {
    isNoisy: slow > NOISY * middle,
    words: `of the ${which} queries one in a hundred took ${withUnit(slow, "ms")} and more, where ${withUnit(middle, "ms")} is usual`,
  };
}
