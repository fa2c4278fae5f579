import type { StepHost } from "../modules/step.ts";
import type { ExecResult, ShellUser } from "../transport/transport.ts";
import type { HostSession, TaskUser } from "./host-session.ts";
import type { Keeper } from "./keeper.ts";

/** A step ended otherwise than it should. */
export class StepFailure extends Error {
  readonly exec: ExecResult | undefined;
  readonly step: string;

  constructor(step: string, message: string, exec?: ExecResult) {
    super(message);
    this.name = "StepFailure";
    this.step = step;
    this.exec = exec;
  }
}

/** `async` and `poll`. */
export interface JobTerms {
  /** After this time the job is ended. */
  limitSeconds: number;
  /** Between two looks at it; 0 leaves it alone. */
  pollMs: number;
}

export interface PerformOptions {
  session: HostSession;
  user: TaskUser;
  /** What each step may take, unless it says itself how long. */
  stepLimitMs: number;
  /** `async`: scripts run as jobs of their own, which outlive the connection. */
  job: JobTerms | undefined;
  /** Ends what is under way: the time of the task is over. */
  signal: AbortSignal | undefined;
  environment: Readonly<Record<string, string>>;
  /** Keeps what is replaced; undefined where nothing is kept. */
  keeper: Keeper | undefined;
  progress(step: string, line?: string): void;
  /** Asks the person at the terminal, if there is one. */
  ask: StepHost["ask"];
  /** Aborts when the run is being stopped: for what can end at any time. */
  stopping: AbortSignal;
  /** Whether a secret stands in a text: a new file with one in it is for its owner alone. */
  holdsSecret(text: string): boolean;
  /** Called when the last script of a change has been sent to the shell of this user: what is to be asked after it is sent behind it. It may take so long. */
  sentLast?(as: ShellUser, limitMs: number): void;
}
