const UNITS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** What a timer of Node.js can wait for at most, in whole seconds: 24 days. */
const LONGEST = Math.floor(0x7f_ff_ff_ff / 1000);

/**
 * A time as ssh's settings have it (sshd_config(5), TIME FORMATS): `90`, `1m30s`, `2h`; the parts are added up. `none` is no time.
 *
 * @returns seconds, 24 days at most; undefined for what is no time.
 */
export function sshSeconds(text: string): number | undefined {
  if (text === "none") return 0;
  if (!/^(\d+[smhdw]?)+$/i.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([smhdw]?)/gi)];
  const seconds = parts.reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (UNITS[unit.toLowerCase()] ?? 1),
    0,
  );
  return Math.min(seconds, LONGEST);
}
