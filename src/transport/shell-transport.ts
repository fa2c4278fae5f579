import { availableParallelism } from "node:os";
import type { Duplex } from "node:stream";
import { endProcessTree } from "../shell/end-process-tree.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";
import type { ChannelOpener } from "./byte-channel.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { type FramedShell, lostResult } from "./framed-shell.ts";
import { becomeError, openShell } from "./open-shell.ts";
import {
  type ExecResult,
  FileTransferError,
  type ForwardTarget,
  type ScriptRequest,
  type ShellUser,
  type Transport,
  type TransportCounters,
  type TransportError,
} from "./transport.ts";

export interface ShellTransportOptions {
  host: string;
  isLocal: boolean;
  opener: ChannelOpener;
  /** The user who logged in: becoming that one needs no other shell. */
  loginUser: string | undefined;
  becomePassword: string | undefined;
  becomeFlags: ConnectionSettings["becomeFlags"] | undefined;
  becomeProgram: ConnectionSettings["becomeProgram"] | undefined;
  lost: Promise<TransportError>;
  /** How many tries it took to connect. */
  tries?: number;
}

/** A shell that one user has on the host, and how many scripts it has to do. */
interface Lane {
  shell: Promise<FramedShell>;
  /** When it has been opened. */
  opened?: FramedShell;
  underWay: number;
}

/** Shells for the scripts of one user that may run beside each other: most hosts have two processors at least, and what is asked takes turns otherwise. */
const LANES = 2;

/** With more hosts than this for each of the controller's processors, none of them is waited for: a second shell would only be more work. */
const HOSTS_WITH_LANES = 4;

/** Pieces in which large files travel: each is a frame, and some are under way at once. */
const PIECE_BYTES = 1024 * 1024;
const PIECES_UNDER_WAY = 4;

const laneOf = (as: ShellUser): string =>
  as.kind === "login" ? "" : [as.method, as.user, as.program ?? "", ...(as.flags ?? [])].join(":");

/** A transport made of framed shells, whatever carries their channels. */
export class ShellTransport implements Transport {
  readonly isLocal: boolean;
  readonly lost: Promise<TransportError>;
  readonly tries: number | undefined;
  readonly #options: ShellTransportOptions;
  readonly #lanes = new Map<string, Lane>();
  #mostLanes = LANES;
  readonly #counters: TransportCounters = {
    roundTrips: 0,
    channels: 0,
    scripts: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };
  #underWay = 0;
  #lostError: TransportError | undefined;

  constructor(options: ShellTransportOptions) {
    this.#options = options;
    this.isLocal = options.isLocal;
    this.lost = options.lost;
    this.tries = options.tries;
    void options.lost.then((error) => {
      this.#lostError = error;
    });
  }

  /** How many hosts are worked on at once: one or a few are waited for, of many none is. */
  amongHosts(count: number): this {
    this.#mostLanes = count > HOSTS_WITH_LANES * availableParallelism() ? 1 : LANES;
    return this;
  }

  /** Opens the shells that a user's scripts are going to run in, before there are any. That one can't be had is told to the script that wants it. */
  prepare(as: ShellUser): void {
    const first = this.#lane(as, false);
    first.underWay += 1;
    const second = this.#lane(as, true);
    first.underWay -= 1;
    for (const { shell } of [first, second]) shell.catch(() => undefined);
  }

  async run(request: ScriptRequest): Promise<ExecResult> {
    this.#counters.scripts += 1;
    this.#counters.bytesSent += request.script.shell.length + (request.stdin?.byteLength ?? 0);
    this.#startTrip();
    const as = this.#effective(request.as);
    const lane = this.#lane(as, request.besideOthers === true);
    lane.underWay += 1;
    try {
      const shell = await lane.shell;
      const result = await shell.run(request, () => void this.#endProcesses(as, shell));
      this.#counters.bytesReceived += result.stdout.byteLength + result.stderr.byteLength;
      if (result.connectionLost) return await this.#explainEnd(as, shell, result);
      return result;
    } catch (error) {
      if (this.#lostError === undefined) throw error;
      return lostResult();
    } finally {
      this.#underWay -= 1;
      lane.underWay -= 1;
    }
  }

  /** What is sent while an answer is under way costs no trip of its own. */
  #startTrip(): void {
    if (this.#underWay === 0) this.#counters.roundTrips += 1;
    this.#underWay += 1;
  }

  processOf(as: ShellUser): number | undefined {
    return this.#lanes.get(laneOf(this.#effective(as)))?.opened?.pid;
  }

  #effective(as: ShellUser): ShellUser {
    return as.kind === "become" && as.user === this.#options.loginUser ? { kind: "login" } : as;
  }

  /** The shell of a user, or a second one when the first has something to do and that is no matter. */
  #lane(as: ShellUser, besideOthers: boolean): Lane {
    const user = laneOf(as);
    const first = this.#lanes.get(user) ?? this.#openLane(user, as);
    if (!besideOthers || first.underWay === 0) return first;
    let idlest = first;
    for (let number = 1; number < this.#mostLanes; number++) {
      const key = `${user}#${number}`;
      const lane = this.#lanes.get(key) ?? this.#openLane(key, as, first);
      if (lane.underWay < idlest.underWay) idlest = lane;
    }
    return idlest;
  }

  /** @param instead takes over where no other shell can be had, as with `MaxSessions 1` in sshd_config. */
  #openLane(key: string, as: ShellUser, instead?: Lane): Lane {
    this.#counters.channels += 1;
    const forget = (): void => void this.#lanes.delete(key);
    const opened = openShell({ ...this.#options, as, onClose: forget });
    opened.catch(instead === undefined ? forget : () => undefined);
    const lane: Lane = {
      shell: instead === undefined ? opened : opened.catch(() => instead.shell),
      underWay: 0,
    };
    this.#lanes.set(key, lane);
    void lane.shell.then(
      (shell) => {
        lane.opened = shell;
      },
      () => undefined,
    );
    return lane;
  }

  /** A shell that ended while the connection lives: sudo refused, or a script killed it. */
  async #explainEnd(as: ShellUser, shell: FramedShell, result: ExecResult): Promise<ExecResult> {
    const lost = await Promise.race([
      this.lost,
      new Promise<undefined>((resolve) => setTimeout(resolve, 100, undefined)),
    ]);
    if (lost !== undefined) return result;
    if (shell.pid === undefined && as.kind === "become") {
      throw becomeError({ host: this.#options.host, as }, shell.complaint, false);
    }
    return { ...result, connectionLost: false };
  }

  /** A second shell of the same user ends what the first one runs; the first then goes on with the next frame. */
  async #endProcesses(as: ShellUser, shell: FramedShell): Promise<void> {
    if (shell.pid === undefined) {
      shell.close();
      return;
    }
    this.#counters.channels += 1;
    const killer = await openShell({ ...this.#options, as, onClose: () => undefined }).catch(() => undefined);
    if (killer === undefined) {
      shell.close();
      return;
    }
    await killer.run({ script: endProcessTree(shell.pid), as }, () => shell.close());
    killer.close();
  }

  async upload(content: AsyncIterable<Uint8Array> | Uint8Array, as: ShellUser): Promise<string> {
    const made = await this.run({ script: MAKE_UPLOAD, as });
    const path = made.stdout.toString().trim();
    if (made.connectionLost) throw await this.lost;
    if (made.exitCode !== 0 || path === "") {
      throw new FileTransferError(
        `${this.#options.host}: no room for an upload: ${made.stderr.toString().trim()}`,
      );
    }
    const underWay: Promise<ExecResult>[] = [];
    for await (const piece of pieces(content)) {
      underWay.push(this.run({ script: sh`cat >> ${path}`, stdin: piece, as }));
      if (underWay.length >= PIECES_UNDER_WAY) await this.#uploaded(path, as, underWay.shift());
    }
    for (const piece of underWay) await this.#uploaded(path, as, piece);
    return path;
  }

  async #uploaded(path: string, as: ShellUser, piece: Promise<ExecResult> | undefined): Promise<void> {
    const result = await piece;
    if (result === undefined || result.exitCode === 0) return;
    if (result.connectionLost) throw await this.lost;
    await this.run({ script: sh`rm -f -- ${path}`, as });
    throw new FileTransferError(
      `${this.#options.host}: the upload failed: ${result.stderr.toString().trim()}`,
    );
  }

  async *download(path: string, as: ShellUser): AsyncIterable<Uint8Array> {
    for (let index = 0; ; index++) {
      const script = sh`{ dd bs=${PIECE_BYTES} skip=${index} count=1 iflag=fullblock 2>/dev/null || { dd bs=1 count=0; exit 1; }; } < ${path}`;
      const result = await this.run({ script, as });
      if (result.connectionLost) throw await this.lost;
      if (result.exitCode !== 0) {
        throw new FileTransferError(
          `${this.#options.host}: ${path} could not be read: ${result.stderr.toString().trim()}`,
        );
      }
      if (result.stdout.byteLength > 0) yield result.stdout;
      if (result.stdout.byteLength < PIECE_BYTES) return;
    }
  }

  async forward(target: ForwardTarget): Promise<Duplex> {
    this.#counters.channels += 1;
    this.#startTrip();
    try {
      return await this.#options.opener.forward(target);
    } finally {
      this.#underWay -= 1;
    }
  }

  counters(): TransportCounters {
    return { ...this.#counters };
  }

  async close(): Promise<void> {
    await this.#options.opener.close();
  }
}

/**
 * Uploads lie in a directory that only their user can read: in Plumb's state directory for that user.
 */
const MAKE_UPLOAD = shellLines(
  rawShell("set -eu; umask 077"),
  STATE_DIRECTORY,
  rawShell("directory=$state/uploads"),
  rawShell('mkdir -p -- "$directory"'),
  rawShell('find "$directory" -type f -mmin +1440 -delete'),
  rawShell('mktemp -- "$directory/upload.XXXXXXXXXX"'),
);

async function* pieces(content: AsyncIterable<Uint8Array> | Uint8Array): AsyncIterable<Uint8Array> {
  if (content instanceof Uint8Array) {
    for (let start = 0; start < content.byteLength; start += PIECE_BYTES)
      yield content.subarray(start, start + PIECE_BYTES);
    return;
  }
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    gathered.push(chunk);
    size += chunk.byteLength;
    if (size >= PIECE_BYTES) {
      yield Buffer.concat(gathered);
      gathered = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(gathered);
}
