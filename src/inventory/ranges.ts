/**
 * The hosts that a pattern such as `web[01:20:2].example.com` or `db[a:c]` stands for (Ansible's expand_hostname_range).
 *
 * @throws Error when a range can't be read.
 */
export function expandRanges(pattern: string): string[] {
  const open = /\[([^\]]*:[^\]]*)\]/.exec(pattern);
  if (open?.[1] === undefined) return [pattern];
  const before = pattern.slice(0, open.index);
  const after = pattern.slice(open.index + open[0].length);
  return rangeItems(open[1]).flatMap((item) => expandRanges(`${before}${item}${after}`));
}

function rangeItems(text: string): string[] {
  const [begin = "", end = "", step = "1", ...rest] = text.split(":");
  const stride = Number(step);
  if (rest.length > 0 || end === "" || !Number.isInteger(stride) || stride < 1) throw badRange(text);
  if (/^[A-Za-z]$/.test(begin) && /^[A-Za-z]$/.test(end)) {
    return numbers(begin.charCodeAt(0), end.charCodeAt(0), stride, text).map((code) =>
      String.fromCharCode(code),
    );
  }
  if (!/^\d*$/.test(begin) || !/^\d+$/.test(end)) throw badRange(text);
  if (begin.startsWith("0") && begin.length > 1 && begin.length !== end.length) {
    throw new Error(
      `the range [${text}] has ends of different lengths: write [${begin}:${end.padStart(begin.length, "0")}]`,
    );
  }
  const width = begin.startsWith("0") ? begin.length : 0;
  return numbers(Number(begin || "0"), Number(end), stride, text).map((one) =>
    String(one).padStart(width, "0"),
  );
}

function numbers(begin: number, end: number, stride: number, text: string): number[] {
  if (begin > end) throw new Error(`the range [${text}] ends before it begins`);
  return Array.from({ length: Math.floor((end - begin) / stride) + 1 }, (_, index) => begin + index * stride);
}

function badRange(text: string): Error {
  return new Error(`[${text}] is not a range: write [1:9], [01:20:2] or [a:f]`);
}
