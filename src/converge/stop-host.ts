/** How the play ended on one host. */
export type HostEnd = "ok" | "failed" | "unreachable" | "interrupted" | "ended";

/** Why the tasks of a host stop before their end. */
export class StopHost extends Error {
  readonly end: HostEnd;
  /** `any_errors_fatal`: nobody goes on. */
  readonly fatal: boolean;

  constructor(end: HostEnd, fatal = false) {
    super(end);
    this.name = "StopHost";
    this.end = end;
    this.fatal = fatal;
  }
}
