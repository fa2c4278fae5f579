/** Epoch, version and release of an RPM package. */
export interface RpmVersion {
  epoch: number;
  version: string;
  release: string;
}

/** As rpm writes it: without an epoch of 0. */
export function rpmVersionText({ epoch, version, release }: RpmVersion): string {
  return `${epoch === 0 ? "" : `${epoch}:`}${version}-${release}`;
}

/** Below 0 if `one` is older, 0 if they are the same, above 0 if it is newer. */
export function compareRpmVersions(one: RpmVersion, other: RpmVersion): number {
  if (one.epoch !== other.epoch) return one.epoch - other.epoch;
  return compareParts(one.version, other.version) || compareParts(one.release, other.release);
}

/** rpmvercmp of rpm 4.18: segments of digits or letters; `~` sorts before the end, `^` just behind it; digits are newer than letters. */
function compareParts(one: string, other: string): number {
  const [left, right] = [segmentsOf(one), segmentsOf(other)];
  for (let index = 0; ; index++) {
    const [a, b] = [left[index], right[index]];
    if (a === b && a === undefined) return 0;
    if (a === b) continue;
    if (a === "~" || b === "~") return a === "~" ? -1 : 1;
    if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
    if (a === "^" || b === "^") return a === "^" ? -1 : 1;
    const order = compareSegments(a, b);
    if (order !== 0) return order;
  }
}

const segmentsOf = (text: string): string[] => text.match(/\d+|[A-Za-z]+|[~^]/g) ?? [];

function compareSegments(a: string, b: string): number {
  const [isNumber, otherIs] = [/^\d/.test(a), /^\d/.test(b)];
  if (isNumber !== otherIs) return isNumber ? 1 : -1;
  if (!isNumber) return a < b ? -1 : a > b ? 1 : 0;
  const [x, y] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  if (x.length !== y.length) return x.length - y.length;
  return x < y ? -1 : x > y ? 1 : 0;
}
