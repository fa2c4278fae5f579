import { CONNECTION_SECTIONS, type Configuration } from "./configuration.ts";
import { type Setting, type SettingValue, settingNamed, settingText } from "./settings.ts";

/** pgbouncer.ini of a configuration. Same data, same text: what stands there by hand is not kept. */
export function renderIni(configuration: Configuration): string {
  const lines = [";; Managed by Plumb: changes by hand are undone by the next run."];
  for (const section of CONNECTION_SECTIONS) {
    const entries = Object.entries(configuration[section]);
    if (entries.length === 0 && section !== "databases") continue;
    lines.push(
      "",
      `[${section}]`,
      ...entries.map(([name, settings]) => `${name} = ${connectionText(section, settings)}`),
    );
  }
  lines.push("", "[pgbouncer]");
  for (const [name, value] of Object.entries(configuration.pgbouncer)) {
    if (value !== null) lines.push(`${name} = ${settingText(settingNamed("pgbouncer", name), value)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** A libpq-like connection string: values with blanks or quotes are quoted, a quote is doubled (PgBouncer's parser, not libpq's). */
function connectionText(
  section: "databases" | "users" | "peers",
  settings: Readonly<Record<string, SettingValue>>,
): string {
  return Object.entries(settings)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const text = settingText(settingNamed(section, name), value);
      return `${name}=${/^[^\s'"]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`}`;
    })
    .join(" ");
}

/** What a pgbouncer.ini says, as PgBouncer reads it: section, key, rest of the line. */
export type ParsedIni = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * Reads a pgbouncer.ini by PgBouncer's own rules, which are not those of the `ini` package: only whole lines are comments (`;` or `#` after a value belong to it), and
 * a second [pgbouncer] header forgets what the first one said.
 */
export function parseIni(text: string): ParsedIni {
  const sections = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith(";") || line.startsWith("#")) continue;
    const header = /^\[([^\]]+)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      current = header === "pgbouncer" ? new Map() : (sections.get(header) ?? new Map());
      sections.set(header, current);
      continue;
    }
    const equals = line.indexOf("=");
    if (equals > 0) current.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  return sections;
}

/** What a new configuration needs to take effect. */
export interface Effect {
  /** Settings that only a restart applies. */
  restartFor: readonly string[];
  changed: boolean;
}

/** A setting that is not in the file has its default; writing that down changes nothing. */
function orDefault(setting: Setting, text: string | undefined): string | undefined {
  return (
    text ??
    (setting.default === undefined ? undefined : settingText(setting, setting.default as SettingValue))
  );
}

/** Compares two configurations by what they say, not by how they are written. */
export function effectOf(before: ParsedIni, after: ParsedIni): Effect {
  const restartFor: string[] = [];
  let changed = false;
  const sections = new Set([...before.keys(), ...after.keys()]);
  for (const section of sections) {
    const [old, now] = [before.get(section) ?? new Map(), after.get(section) ?? new Map()];
    for (const key of new Set([...old.keys(), ...now.keys()])) {
      if (old.get(key) === now.get(key)) continue;
      changed = true;
      const setting = section === "pgbouncer" ? settingNamed("pgbouncer", key) : undefined;
      if (
        setting?.reloadable === false &&
        orDefault(setting, old.get(key)) !== orDefault(setting, now.get(key))
      )
        restartFor.push(key);
      // A forced user that goes away stays until a restart.
      if (
        section === "databases" &&
        /\buser=/.test(old.get(key) ?? "") &&
        now.has(key) &&
        !/\buser=/.test(now.get(key) ?? "")
      )
        restartFor.push(`user of ${key}`);
    }
  }
  return { restartFor, changed };
}
