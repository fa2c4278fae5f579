/** Pure arithmetic on samples. None of them takes an empty list: who has no samples has no figure. */

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** The value below which this share of the samples lies, interpolated. @param share 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = ascending(values);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The samples' 0th, 1st, … 100th percentile: a distribution that can be drawn, of any number of samples. */
export function percentiles(values: readonly number[]): number[] {
  const sorted = ascending(values);
  return Array.from({ length: 101 }, (_, percent) => quantile(sorted, percent / 100));
}

/**
 * Between which of the samples the true median lies, with a confidence of 95 % at least, whatever the distribution looks like: the number of samples below the median is
 * binomial. With fewer than six samples there is no such interval but from the least to the greatest.
 */
export function medianInterval(values: readonly number[]): { low: number; high: number } {
  const sorted = ascending(values);
  const count = sorted.length;
  // P(at most k of n below the median) summed up until it exceeds 2.5 %; in logarithms, for 0.5^n is too small a number.
  let logTerm = -count * Math.LN2;
  let sum = Math.exp(logTerm);
  let below = 0;
  while (sum <= 0.025 && below < count / 2) {
    logTerm += Math.log((count - below) / (below + 1));
    below += 1;
    sum += Math.exp(logTerm);
  }
  const from = Math.max(0, below - 1);
  return { low: sorted[from] ?? Number.NaN, high: sorted[count - 1 - from] ?? Number.NaN };
}

/** Differences of what was measured in turn: the n-th of one from the n-th of the other. */
export function pairedDifferences(of: readonly number[], from: readonly number[]): number[] {
  return of.slice(0, from.length).map((value, index) => value - (from[index] ?? Number.NaN));
}
