import type { Section, SettingValue } from "./settings.ts";

/** What pgbouncer.ini says, as data. */
export interface Configuration {
  databases: Readonly<Record<string, Readonly<Record<string, SettingValue>>>>;
  users: Readonly<Record<string, Readonly<Record<string, SettingValue>>>>;
  peers: Readonly<Record<string, Readonly<Record<string, SettingValue>>>>;
  pgbouncer: Readonly<Record<string, SettingValue>>;
}

/** Something wrong in a configuration; the path leads to its place in the parameters. */
export interface Finding {
  path: readonly string[];
  /** The last name of the path is what is wrong, rather than what it has for a value. */
  ofKey?: boolean;
  message: string;
  hint?: string;
}

export const CONNECTION_SECTIONS: readonly Exclude<Section, "pgbouncer">[] = ["databases", "users", "peers"];
