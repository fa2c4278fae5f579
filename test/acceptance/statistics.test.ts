import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  median,
  medianInterval,
  pairedDifferences,
  percentiles,
  quantile,
} from "../../src/acceptance/statistics.ts";

/** No -0, which is sorted beside 0 and is another for `toEqual`. */
const sample = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value + 0);
const samples = fc.array(sample, { minLength: 1, maxLength: 300 });

describe("statistics", () => {
  test.each([
    [[3], 0.5, 3],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[1, 2, 3, 4, 5], 0, 1],
    [[1, 2, 3, 4, 5], 1, 5],
    [[0, 100], 0.95, 95],
  ])("of %j the quantile %d is %d", (values, share, expected) => {
    expect(quantile(values, share)).toBeCloseTo(expected);
  });

  // Ranks from tables of the binomial distribution (two-sided, at least 95 %).
  test.each([
    [5, 1, 5],
    [6, 1, 6],
    [10, 2, 9],
    [20, 6, 15],
    [50, 18, 33],
    [100, 40, 61],
    [1000, 469, 532],
  ])("of %d samples the median lies between the %d. and the %d.", (count, low, high) => {
    const values = Array.from({ length: count }, (_, index) => index + 1);
    expect(medianInterval(values)).toEqual({ low, high });
  });

  test("the interval of the median holds the median, whatever the samples and their order", () => {
    fc.assert(
      fc.property(samples, (values) => {
        const { low, high } = medianInterval(values);
        expect(low).toBeLessThanOrEqual(median(values));
        expect(high).toBeGreaterThanOrEqual(median(values));
        expect(medianInterval([...values].reverse())).toEqual({ low, high });
      }),
    );
  });

  test("percentiles rise from the least to the greatest", () => {
    fc.assert(
      fc.property(samples, (values) => {
        const all = percentiles(values);
        expect(all).toHaveLength(101);
        expect(all[0]).toBeCloseTo(Math.min(...values), 6);
        expect(all[100]).toBeCloseTo(Math.max(...values), 6);
        for (const [index, value] of all.entries())
          expect(value).toBeGreaterThanOrEqual((all[index - 1] ?? value) - 1e-6);
      }),
    );
  });

  test("differences are of neighbours; what has no neighbour is left out", () => {
    expect(pairedDifferences([3, 5, 9], [1, 1])).toEqual([2, 4]);
  });
});
