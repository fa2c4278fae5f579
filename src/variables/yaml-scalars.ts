import type { ScalarTag } from "yaml";

/**
 * How plain scalars are typed: as PyYAML types them (its `resolver.py` and the YAML 1.1 types it implements), because that is what Ansible's files were
 * written for. So `yes` is true, `y` is text, `0644` is octal, `08` and `1e3` are text, `1:30` is ninety.
 */
export const PLAIN_SCALARS: readonly ScalarTag[] = [
  {
    tag: "tag:yaml.org,2002:null",
    default: true,
    test: /^(?:~|null|Null|NULL)?$/,
    resolve: () => null,
  },
  {
    tag: "tag:yaml.org,2002:bool",
    default: true,
    test: /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
    resolve: (text) => /^(?:yes|true|on)$/i.test(text),
  },
  {
    tag: "tag:yaml.org,2002:int",
    default: true,
    test: /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
    resolve: integer,
  },
  {
    tag: "tag:yaml.org,2002:float",
    default: true,
    test: /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
    resolve: float,
  },
  {
    tag: "tag:yaml.org,2002:timestamp",
    default: true,
    test: /^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)$/,
    resolve: timestamp,
  },
];

/** @returns the digits as text where a number could not hold them all. */
function integer(written: string): number | string {
  const text = written.replaceAll("_", "");
  const isNegative = text.startsWith("-");
  const digits = text.replace(/^[-+]/, "");
  // `0x_` and its like pass the test but are no number; they stay as they are written.
  if (!/[0-9a-fA-F]$/.test(digits) || /^0[bx]$/.test(digits)) return written;
  let value: bigint;
  if (digits.includes(":")) {
    value = digits.split(":").reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  } else if (/^0[bx]/.test(digits)) value = BigInt(digits);
  else if (/^0[0-7]+$/.test(digits)) value = BigInt(`0o${digits.slice(1)}`);
  else value = BigInt(digits);
  if (isNegative) value = -value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function float(written: string): number | string {
  const text = written.replaceAll("_", "").toLowerCase();
  const isNegative = text.startsWith("-");
  const digits = text.replace(/^[-+]/, "");
  // Neither has a place in JSON, nor in a configuration file.
  if (digits === ".inf" || digits === ".nan") return written;
  const value = digits.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return isNegative ? -value : value;
}

/** A point in time in the form that Python's isoformat gives it, which is what Ansible's JSON says. */
function timestamp(written: string): string {
  const found =
    /^(\d{4})-(\d+)-(\d+)(?:[Tt \t]+(\d+):(\d+):(\d+)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d+)(?::?(\d{2}))?))?)?$/.exec(
      written,
    );
  if (found === null) return written;
  const [
    ,
    year = "",
    month = "",
    day = "",
    hour,
    minute,
    second,
    fraction,
    zone,
    sign,
    zoneHour,
    zoneMinute,
  ] = found;
  const two = (text: string | undefined): string => (text ?? "0").padStart(2, "0");
  const date = `${year}-${two(month)}-${two(day)}`;
  if (hour === undefined) return date;
  const micro = (fraction ?? "").slice(0, 6).padEnd(6, "0");
  const offset =
    zone === undefined ? "" : zone === "Z" ? "+00:00" : `${sign}${two(zoneHour)}:${two(zoneMinute)}`;
  return `${date}T${two(hour)}:${two(minute)}:${two(second)}${micro === "000000" ? "" : `.${micro}`}${offset}`;
}
