import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { compareVersions } from "./compare-versions.ts";
import catalogue from "./settings-catalogue.json" with { type: "json" };

/** A section of pgbouncer.ini. */
export type Section = "pgbouncer" | "databases" | "users" | "peers";

/**
 * A setting of PgBouncer: its type, in which versions it exists, whether RELOAD applies it. Derived from PgBouncer's source at each release tag, and compared
 * with `SHOW CONFIG` of Debian's 1.18.0 and 1.24.1.
 */
export interface Setting {
  type: string;
  /** First version that has it; "1.17" means 1.17 or earlier. */
  since: string;
  removed?: string;
  /** RELOAD applies a change; otherwise a restart does. */
  reloadable: boolean;
  values?: readonly string[];
  /** Values that came later than the setting. */
  valuesSince?: Readonly<Record<string, string>>;
  min?: number;
  max?: number;
  default?: unknown;
}

/** PgBouncer keeps its numbers in an `int`, and what does not fit in it becomes another number without a word: a pool size of 2147483648 is a negative one (tried on 1.18 and 1.24). */
const LARGEST = 2_147_483_647;

/** A value as it stands in YAML. */
export type SettingValue = string | number | boolean | readonly (string | number)[] | null;

const sections = catalogue as unknown as Readonly<Record<Section, Readonly<Record<string, Setting>>>>;

/** The setting of that name; undefined for one that no version has. */
export function settingNamed(section: Section, name: string): Setting | undefined {
  return Object.hasOwn(sections[section], name) ? sections[section][name] : undefined;
}

/** Names of the settings that a version has. */
export function settingNames(section: Section, version: string): string[] {
  return Object.entries(sections[section])
    .filter(([, setting]) => existsIn(setting, version))
    .map(([name]) => name);
}

/** What is wrong with a setting for a version, in words; undefined when nothing is. With `ofKey` it is the setting's name, and not its value. */
export function settingProblem(
  section: Section,
  name: string,
  value: SettingValue,
  version: string | undefined,
): { message: string; hint?: string; ofKey?: boolean } | undefined {
  const setting = settingNamed(section, name);
  if (setting === undefined) {
    const known = version === undefined ? Object.keys(sections[section]) : settingNames(section, version);
    const meant = didYouMean(name, known);
    return {
      ofKey: true,
      message: `PgBouncer has no setting \`${name}\` in [${section}]`,
      ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
    };
  }
  if (version === undefined) return valueProblem(name, setting, value, version);
  if (compareVersions(version, setting.since) < 0 && setting.since !== "1.17") {
    return {
      ofKey: true,
      message: `\`${name}\` exists since PgBouncer ${setting.since}, and this host has ${version}`,
      hint: "leave it out for this host; `when_supported` of pgbouncer_ini takes what only some versions have",
    };
  }
  if (setting.removed !== undefined && compareVersions(version, setting.removed) >= 0) {
    return {
      ofKey: true,
      message: `\`${name}\` was removed in PgBouncer ${setting.removed}, and this host has ${version}`,
    };
  }
  return valueProblem(name, setting, value, version);
}

function existsIn(setting: Setting, version: string): boolean {
  const born = setting.since === "1.17" || compareVersions(version, setting.since) >= 0;
  return born && (setting.removed === undefined || compareVersions(version, setting.removed) < 0);
}

function valueProblem(
  name: string,
  setting: Setting,
  value: SettingValue,
  version: string | undefined,
): { message: string; hint?: string } | undefined {
  const text = settingText(setting, value);
  if (/[\n\r]/.test(text)) return { message: `\`${name}\` must be one line` };
  switch (setting.type) {
    case "bool":
      if (value === true || value === false || text === "0" || text === "1") return undefined;
      return { message: `\`${name}\` must be true or false, not ${JSON.stringify(value)}` };
    case "int":
    case "bytes":
    case "milliseconds":
      return numberProblem(name, setting, text, /^\d+$/, "a whole number, without unit");
    case "seconds":
      return numberProblem(name, setting, text, /^\d+(\.\d+)?$/, "a number of seconds, without unit");
    case "octal_mode":
      return /^[0-7]{3,4}$/.test(text)
        ? undefined
        : { message: `\`${name}\` must be octal digits in quotes, such as "0777"` };
    case "enum":
      return enumProblem(name, setting, text, version);
    default:
      return undefined;
  }
}

function numberProblem(
  name: string,
  setting: Setting,
  text: string,
  form: RegExp,
  words: string,
): { message: string; hint?: string } | undefined {
  if (!form.test(text)) {
    const unit = /^(\d+)\s*[a-z]+$/i.exec(text)?.[1];
    return {
      message: `\`${name}\` must be ${words}, not ${JSON.stringify(text)}`,
      ...(unit === undefined ? {} : { hint: `PgBouncer knows no units: it would refuse to start` }),
    };
  }
  // strtol(3) with base 0: `010` is eight.
  if (/^0\d/.test(text))
    return {
      message: `\`${name} = ${text}\` would be read as octal ${Number.parseInt(text, 8)}`,
      hint: "write it without the leading zero",
    };
  const number = Number(text);
  if (setting.min !== undefined && number < setting.min)
    return { message: `\`${name}\` must be at least ${setting.min}` };
  const max = setting.max ?? LARGEST;
  if (number > max) return { message: `\`${name}\` must be at most ${max}` };
  return undefined;
}

function enumProblem(
  name: string,
  setting: Setting,
  text: string,
  version: string | undefined,
): { message: string; hint?: string } | undefined {
  const allowed = (setting.values ?? []).filter((value) => {
    const since = setting.valuesSince?.[value];
    return since === undefined || version === undefined || compareVersions(version, since) >= 0;
  });
  if (allowed.includes(text.toLowerCase())) return undefined;
  const meant = didYouMean(text, allowed);
  return {
    message: `\`${name}\` can't be ${JSON.stringify(text)}: PgBouncer${version === undefined ? "" : ` ${version}`} knows ${allowed.join(", ")}`,
    ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
  };
}

/** The value as it stands in pgbouncer.ini: booleans are numbers there, lists have commas. */
export function settingText(setting: Setting | undefined, value: SettingValue): string {
  if (value === null) return "";
  if (typeof value === "boolean")
    return setting?.type === "bool" || setting === undefined ? (value ? "1" : "0") : String(value);
  if (typeof value === "object") return value.join(setting?.type === "list" ? ", " : ",");
  return String(value);
}
