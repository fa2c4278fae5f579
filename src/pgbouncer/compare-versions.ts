/** Compares versions such as `1.24.1`: numbers by size, letters in between by code point, what is missing counts as 0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [one, other] = [left[index] ?? 0, right[index] ?? 0];
    if (one === other) continue;
    if (typeof one === "number" && typeof other === "number") return one < other ? -1 : 1;
    return String(one) < String(other) ? -1 : 1;
  }
  return 0;
}

function parts(version: string): (number | string)[] {
  return (version.match(/\d+|[A-Za-z]+/g) ?? []).map((part) => (/^\d/.test(part) ? Number(part) : part));
}
