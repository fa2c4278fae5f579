import type { Event } from "../converge/event.ts";

/** Tells a person or a machine of a run. */
export interface View {
  /** Called with every event, in order. */
  show(event: Event): void;
  /** Called once after the last event; fulfilled when everything has been written. */
  close(): Promise<void>;
}

/** Where a view writes. */
export interface Output {
  write(text: string): void;
  /** Whether colours make sense. */
  isTerminal: boolean;
  /** Whether rows can be drawn again. */
  hasMovableRows: boolean;
}

export const OUTPUT_FORMATS = ["tty", "plain", "json", "junit"] as const;

export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface ViewOptions {
  output: Output;
  /** Show differences. */
  diff: boolean;
  /** 0: what changed or went wrong. 1: every task. 2: results too. */
  verbosity: number;
}
