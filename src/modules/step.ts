import type { RunAs } from "../queries/query.ts";
import type { Trial } from "../queries/trial.ts";
import type { ShellText } from "../shell/shell-text.ts";
import type { ExecResult, Transport } from "../transport/transport.ts";
import type { Subject } from "./subject.ts";

/** Something that is done to a host, as a value: what the plan shows is what runs. */
export type Step = ScriptStep | WriteFileStep | ControllerStep;

/** What a module gives: steps, and such as are yet to be made. */
export type PlannedStep = Step | RandomStep;

/** A trial, and what it has to look at: that is its standard input, of any size. */
export interface StepTrial extends Trial {
  content?: FileContent;
}

export interface ScriptStep {
  kind: "script";
  /** Shown while it runs: "install pgbouncer". */
  title: string;
  script: ShellText;
  stdin?: Uint8Array;
  environment?: Readonly<Record<string, string>>;
  /** Default "task". */
  as?: RunAs;
  timeoutMs?: number;
  /** What it may replace, where the module has no `touches` of its own. */
  touches?: readonly Subject[];
  /**
   * What check mode tries on the host: a trial that does not pass is the failure of the step. Of a file that is written (`write-file`) owner, group and `validate` are tried
   * without being named here.
   */
  trials?: readonly StepTrial[];
  /** The user has written it: its programs get the arguments that he gives them, secrets or not. */
  isUsersOwn?: true;
  /** Exit codes that count as done. Default [0]; "any" leaves the judgement to the module's `result`. */
  succeedsWith?: readonly number[] | "any";
}

/**
 * Writes a file atomically: a temporary file beside the target gets its content, owner and mode, is validated, synced to disk and renamed over the target.
 */
export interface WriteFileStep {
  kind: "write-file";
  title: string;
  path: string;
  content: FileContent;
  /** Default: as the file that is replaced, or the task's user. */
  owner?: string;
  group?: string;
  /** Octal, such as "0644". Default: as the file that is replaced, or 0644 (0600 for secret content). */
  mode?: string;
  /** A command with `%s` for the temporary file; it must exit 0, or nothing is replaced. */
  validate?: string;
  /** What the check is called in messages; without, the command itself. */
  validateTitle?: string;
  /** Keeps the replaced file as PATH.DATE~. */
  backup?: boolean;
  as?: RunAs;
}

/** Steps with something random in them, such as the salt of a verifier: they are made when they are about to be done, and not when they are planned. */
export interface RandomStep {
  kind: "random";
  make(): readonly Step[];
}

/** Done on the controller, between two steps on the host: sign a request, fetch a file, query through the connection. */
export interface ControllerStep {
  kind: "controller";
  title: string;
  /** How long it may take, where that is its own business (a pause). Default 30 minutes. */
  timeoutMs?: number;
  /** What check mode tries on the host: a trial that does not pass is the failure of the step. */
  trials?: readonly StepTrial[];
  /**
   * What check mode does, besides: it finds out whether the step could be done, and changes nothing.
   *
   * @throws ModuleFailure as the step would.
   */
  tryOut?(host: StepHost): Promise<void>;
  /**
   * @param outputs of the steps before it, in order.
   * @returns what goes to the module's `result`, and more steps if the answer makes some necessary.
   * @throws ModuleFailure
   */
  run(
    host: StepHost,
    outputs: readonly StepOutput[],
  ): Promise<{ output?: StepOutput; next?: readonly Step[] }>;
}

/** What a controller step may use of the host. */
export interface StepHost {
  name: string;
  /** What the connection leads to, as the controller sees it. */
  address: string;
  readonly transport: Transport;
  /** For long waits: ends them when the run is stopped. */
  signal: AbortSignal;
  /** Streams a file of the host, read as the task's user. */
  download(path: string): AsyncIterable<Uint8Array>;
  /** A line of progress. */
  progress(line: string): void;
  /** Waits so many seconds, unless the signal says that nobody needs it any more. A run that is being stopped waits for nothing. @throws what ends the host's part of the run */
  wait(seconds: number, signal?: AbortSignal): Promise<void>;
  /**
   * Asks the person at the terminal; undefined where there is none. Hosts that ask the same in the same task are answered together.
   *
   * @param signal nobody waits for the answer any more.
   * @throws ModuleFailure when nobody answers.
   */
  ask: ((question: Question, signal: AbortSignal) => Promise<string>) | undefined;
  /** Connects anew, after the host was booted. @throws TransportError while it does not answer: call it again. */
  reconnect(): Promise<void>;
  /** Script in the shell of the task's user. */
  run(
    script: ShellText,
    options?: { as?: RunAs; stdin?: Uint8Array; timeoutMs?: number },
  ): Promise<ExecResult>;
}

/** What somebody is asked in the middle of a run. */
export interface Question {
  text: string;
  /** Whether what is typed can be seen. */
  echo: boolean;
}

/** What a step left: of a script its result; of a controller step its data. */
export type StepOutput = { title: string; exec?: ExecResult; data?: unknown };

/** Content of a file, small or large. */
export type FileContent =
  | { kind: "bytes"; bytes: Uint8Array; secret?: boolean }
  | { kind: "controller-file"; file: ControllerFile; secret?: boolean };

/** A file on the controller, read once a run however many hosts get it. */
export interface ControllerFile {
  path: string;
  sizeBytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** It came out of a vault on the controller: what is in it must not be shown. */
  isFromVault: boolean;
  read(): Promise<Buffer>;
  stream(): AsyncIterable<Uint8Array>;
}
