import type { Duplex } from "node:stream";
import type { ShellText } from "../shell/shell-text.ts";

/** Whose shell a script runs in: the user who logged in, or another whom become makes of it. */
export type ShellUser =
  | { kind: "login" }
  | {
      kind: "become";
      user: string;
      method: BecomeMethod;
      /** Options for sudo or su, instead of those that the connection has for all. */
      flags?: readonly string[];
      /** What is run for sudo or su, instead of what the connection has for all. */
      program?: string;
    };

export type BecomeMethod = "sudo" | "su";

/** One script for one shell. */
export interface ScriptRequest {
  script: ShellText;
  as: ShellUser;
  /** Standard input of the script; without it, it is /dev/null. */
  stdin?: Uint8Array;
  /** Variables of the script's environment. They travel inside the frame, never in argv. */
  environment?: Readonly<Record<string, string>>;
  /** The script and all it started are ended after this time. Default 300,000. */
  timeoutMs?: number;
  /** Of each stream at most this much is kept; more sets `truncated` and is thrown away. Default 16 MiB. */
  maxOutputBytes?: number;
  /** Called with output as it arrives (never split inside a UTF-8 character), for progress. */
  onOutput?: (text: string, stream: "stdout" | "stderr") => void;
  /** Ends the script, as a time-out does. */
  signal?: AbortSignal;
  /** It only reads, so it may run beside other scripts of its user, in a second shell, and before some that were sent earlier. */
  besideOthers?: boolean;
}

/** What became of a script. Success and failure have the same fields; callers branch on facts, never on text. */
export interface ExecResult {
  /** undefined: the script did not end by itself (time-out, abort, lost connection). Never 0, never null. */
  exitCode: number | undefined;
  stdout: Buffer;
  stderr: Buffer;
  durationMs: number;
  timedOut: boolean;
  aborted: boolean;
  connectionLost: boolean;
  truncated: boolean;
}

/** What a run cost on the wire; counted, not guessed. */
export interface TransportCounters {
  /** Times that something was sent and an answer had to be waited for, handshake not included. */
  roundTrips: number;
  /** Channels opened on the connection. */
  channels: number;
  scripts: number;
  bytesSent: number;
  bytesReceived: number;
}

/** Where a stream through the connection leads, as seen from the host. */
export type ForwardTarget = { host: string; port: number } | { socketPath: string };

/**
 * One host, connected. States: OPEN -> CLOSED by `close`; OPEN -> LOST when the link dies: what was under way ends with
 * `connectionLost`, and later calls do too.
 */
export interface Transport {
  /** The host is the machine that Plumb runs on. */
  readonly isLocal: boolean;
  /** How often it was tried to connect until it could be had; undefined where nothing was connected for this. */
  readonly tries?: number | undefined;
  /**
   * Runs a script in the long-lived shell of its user. Scripts for one user run one after another in the order of the calls, and calls made
   * without waiting travel together: they cost one round trip.
   *
   * @throws TransportError when the shell of that user cannot be had (wrong become password, no such user).
   */
  run(request: ScriptRequest): Promise<ExecResult>;
  /** Which process on the host runs a user's scripts; undefined as long as none has ended. */
  processOf(as: ShellUser): number | undefined;
  /** Copies bytes into a new private file (0600, in a directory only that user can read) for `as`, however large. Returns its path. */
  upload(content: AsyncIterable<Uint8Array> | Uint8Array, as: ShellUser): Promise<string>;
  /** Streams a file of the host, however large. */
  download(path: string, as: ShellUser): AsyncIterable<Uint8Array>;
  /** A stream from the host to a TCP port or a socket there (for pg). */
  forward(target: ForwardTarget): Promise<Duplex>;
  counters(): TransportCounters;
  /** Resolves when the link has died, with the reason; never rejects. */
  readonly lost: Promise<TransportError>;
  close(): Promise<void>;
}

export type TransportErrorCode =
  | "unreachable"
  | "host-key-unknown"
  | "host-key-changed"
  | "authentication-failed"
  | "become-failed"
  | "become-password-required"
  | "become-password-wrong"
  | "connection-lost"
  | "connect-timeout"
  | "unsupported";

/** A file could not be brought to the host, or from it. The connection is well. */
export class FileTransferError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FileTransferError";
  }
}

/** A connection or a shell could not be had, or was lost. The message names the host and says what to do. */
export class TransportError extends Error {
  readonly code: TransportErrorCode;
  readonly host: string;
  readonly hint: string | undefined;

  constructor(
    code: TransportErrorCode,
    host: string,
    message: string,
    options: ErrorOptions & { hint?: string } = {},
  ) {
    super(message, options);
    this.name = "TransportError";
    this.code = code;
    this.host = host;
    this.hint = options.hint;
  }
}
