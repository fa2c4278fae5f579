import type { ValueMap } from "../variables/value.ts";
import type { ParameterFinding } from "./module.ts";

/** One thing that is not as wanted; views show it, plans and records keep it. */
export type Difference =
  | {
      kind: "field";
      /** Such as "mode", "state", "version". */
      name: string;
      before?: string;
      after?: string;
      /** `after` is words: what it will be is known when it is done. */
      afterUnknown?: true;
      /** Both sides are shown as asterisks. */
      secret?: boolean;
    }
  | {
      kind: "text";
      /** Such as the path of the file. */
      name: string;
      /** undefined: it was not there, or (with `beforeUnread`) it was not read. */
      before?: string;
      after?: string;
      /** Too large, binary, or not asked for because nobody wanted the diff. */
      beforeUnread?: boolean;
      secret?: boolean;
    };

/** Nothing to do, and why: "already so" is a claim that has to be made in words. */
export interface NoChange {
  action: "none";
  reason: string;
  /** For `register`. */
  data?: ValueMap;
  /** What is questionable about the parameters; shown as warnings, at their lines. */
  warnings?: readonly ParameterFinding[];
}

/** What has to change. `detail` is whatever the module's `steps` needs to know. */
export interface NeededChange<Detail = unknown> {
  /** `run`: something is done whose effect no query can confirm (a command). It is not asked about again afterwards. */
  action: "create" | "update" | "delete" | "run";
  /** A few words, such as "install pgbouncer 1.18.0-1". */
  summary: string;
  differences: readonly Difference[];
  detail: Detail;
  /** For `register`, in check mode and after the steps. */
  data?: ValueMap;
  /** What check mode does with this `run`, where that is another thing than what the module says of itself. */
  inCheckMode?: "predict" | "run";
  /** What is questionable about the parameters; shown as warnings, at their lines. */
  warnings?: readonly ParameterFinding[];
}

export type Change<Detail = unknown> = NoChange | NeededChange<Detail>;
