import { escaped } from "./escaped.ts";

/** A line of a plot: points from left to right. `kind` is its style's class. */
export interface Line {
  name: string;
  kind: "direct" | "pooled" | "limit" | "good" | "bad";
  points: readonly (readonly [number, number])[];
}

export interface Plot {
  title: string;
  x: { label: string; scale: "linear" | "logarithmic" };
  y: { label: string; most?: number };
  lines: readonly Line[];
  /** Vertical bands with a name, such as phases. */
  bands?: readonly { name: string; from: number; to: number }[];
}

const WIDTH = 640;
const HEIGHT = 260;
const EDGE = { left: 56, right: 16, top: 28, bottom: 44 };
const INNER = { width: WIDTH - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };

/** An inline SVG: no script, no font, nothing from elsewhere. Plots without a point say so. */
export function svgPlot(plot: Plot): string {
  const points = plot.lines
    .flatMap(({ points: own }) => own)
    .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const head = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(plot.title)}"><text class="title" x="${EDGE.left}" y="16">${escaped(plot.title)}</text>`;
  if (points.length === 0) return `${head}<text x="${EDGE.left}" y="${HEIGHT / 2}">not measured</text></svg>`;
  const xs = points.map(([x]) => x);
  const across = axis(Math.min(...xs), Math.max(...xs), plot.x.scale);
  const up = axis(0, plot.y.most ?? Math.max(...points.map(([, y]) => y)), "linear");
  const atX = (x: number): string => (EDGE.left + across.place(x) * INNER.width).toFixed(1);
  const atY = (y: number): string => (EDGE.top + (1 - up.place(y)) * INNER.height).toFixed(1);
  const bottom = EDGE.top + INNER.height;
  const grid = [
    ...up.ticks.map(
      (y) =>
        `<line class="grid" x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${atY(y)}" y2="${atY(y)}"/><text class="tick" x="${EDGE.left - 6}" y="${atY(y)}" text-anchor="end" dominant-baseline="middle">${tick(y)}</text>`,
    ),
    ...across.ticks.map(
      (x) => `<text class="tick" x="${atX(x)}" y="${bottom + 16}" text-anchor="middle">${tick(x)}</text>`,
    ),
  ];
  const bands = (plot.bands ?? []).map(
    ({ name, from, to }, index) =>
      `<rect class="band band-${index % 2}" x="${atX(from)}" y="${EDGE.top}" width="${Math.max(0, Number(atX(to)) - Number(atX(from))).toFixed(1)}" height="${INNER.height}"/><text class="tick" x="${(Number(atX(from)) + 3).toFixed(1)}" y="${EDGE.top + 10}">${escaped(name)}</text>`,
  );
  const lines = plot.lines
    .filter(({ points: own }) => own.length > 0)
    .map(
      ({ kind, points: own }) =>
        `<polyline class="${kind}" points="${own.map(([x, y]) => `${atX(x)},${atY(y)}`).join(" ")}"/>`,
    );
  return [
    head,
    ...bands,
    ...grid,
    ...lines,
    ...legend(plot.lines),
    `<text class="label" x="${EDGE.left + INNER.width / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(plot.x.label)}</text>`,
    `<text class="label" transform="translate(12 ${EDGE.top + INNER.height / 2}) rotate(-90)" text-anchor="middle">${escaped(plot.y.label)}</text>`,
    "</svg>",
  ].join("");
}

function legend(lines: readonly Line[]): string[] {
  const entries = lines.map(({ name, kind, points }) => ({
    kind,
    words: points.length === 0 ? `${name}: not measured` : name,
  }));
  // As wide as letters of this size are at most.
  const widthOf = (words: string): number => 34 + 6 * words.length;
  let x = WIDTH - EDGE.right - entries.reduce((sum, { words }) => sum + widthOf(words), 0);
  return entries.map(({ kind, words }) => {
    const at = x;
    x += widthOf(words);
    return `<line class="${kind}" x1="${at}" x2="${at + 18}" y1="12" y2="12"/><text class="tick" x="${at + 22}" y="16">${escaped(words)}</text>`;
  });
}

/** Where a value lies, from 0 to 1, and some round values to write beside the axis. */
function axis(
  low: number,
  high: number,
  scale: "linear" | "logarithmic",
): { place: (value: number) => number; ticks: number[] } {
  const keep = (share: number): number => Math.min(1, Math.max(0, share));
  // Two numbers may differ, and not their logarithms.
  if (scale === "logarithmic" && low > 0 && Math.log10(high) > Math.log10(low)) {
    const [from, to] = [Math.log10(low), Math.log10(high)];
    const ticks = [];
    for (let power = Math.floor(from); power <= Math.ceil(to); power++)
      for (const digit of [1, 2, 5]) {
        const value = digit * 10 ** power;
        if (value >= low && value <= high) ticks.push(value);
      }
    return { place: (value) => keep((Math.log10(Math.max(value, low)) - from) / (to - from)), ticks };
  }
  const range = high > low ? high - low : Math.max(1, Math.abs(high));
  const step = roundStep(range / 5);
  const first = Math.ceil(low / step);
  const ticks = Array.from(
    { length: Math.floor((low + range) / step) - first + 1 },
    (_, index) => (first + index) * step,
  );
  return { place: (value) => keep((value - low) / range), ticks };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((digit) => digit * power >= rough) ?? 10) * power;
}

const tick = (value: number): string => String(Number(value.toPrecision(4)));
