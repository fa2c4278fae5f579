import { randomBytes } from "node:crypto";
import { type Facts, facts } from "../queries/facts.ts";
import { type PackageList, packageList } from "../queries/package-list.ts";
import type { RunAs } from "../queries/query.ts";
import { rawShell, type ShellText } from "../shell/shell-text.ts";
import { addCounters } from "../transport/add-counters.ts";
import { present } from "../transport/present.ts";
import type {
  BecomeMethod,
  ExecResult,
  ScriptRequest,
  ShellUser,
  Transport,
  TransportCounters,
} from "../transport/transport.ts";
import { Answers } from "./answers.ts";
import { HeldFor } from "./held-for.ts";
import { LOCK_HELD, LOCK_WAITS, type LockOwner, lockScript, MOST_SLOW } from "./host-lock.ts";
import { fileSuffix, type OpenTransaction, readTransaction, TRANSACTION_OPEN } from "./host-state.ts";
import { HostStateError } from "./host-state-error.ts";
import type { Journal } from "./keep-script.ts";
import { lockProblem } from "./lock-problem.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { RememberedHandlers } from "./remembered-handlers.ts";
import { requireExit } from "./script-end.ts";

/** As whom a task acts on the host. */
export interface TaskUser {
  become: boolean;
  becomeUser: string;
  becomeMethod: BecomeMethod;
  /** `become_flags`: instead of those that the connection has for all. */
  becomeFlags?: readonly string[];
  /** `become_exe`, likewise. */
  becomeProgram?: string;
}

/** Each thing that a dead run has left may go on so long before the next one gives up. */
const LEFT_OVER_SECONDS = 300;

const WAITING = new RegExp(`${LOCK_WAITS}([^\\t\\n]*)\\t([^\\n]*)\\n`);

export interface SessionOptions {
  lockOwner: LockOwner;
  checkMode: boolean;
  /** The user under whom Plumb's state on the host is kept: root wherever the play becomes root. */
  stateUser: ShellUser;
  /** So many runs are kept on the host for an undo; 0 keeps nothing. */
  undoRuns: number;
  /** What a dead run has left running is ended, and not waited for. */
  takeOver: boolean;
  /** Whether a process of a controller is known to be gone. */
  isGone(controller: string): boolean;
  /** The secrets that stand in a text, as they are written there. */
  secretsIn(text: string): readonly string[];
  /** Says that the host has to be waited for, and why. */
  warn(message: string): void;
  signal: AbortSignal;
  /** Connects anew, for a host that was booted. @throws TransportError */
  open(): Promise<Transport>;
  /** The machine that Plumb runs on: the name that all its names have in the lock, and their sessions: what one changes, the others no longer know. */
  machine?: { name: string; sessions: Set<HostSession>; changes: OneAtATime };
}

export interface RunOptions extends Omit<ScriptRequest, "script" | "as"> {
  isUsersOwn?: boolean;
  /** Called when the script has been sent, and before it has ended: what the same shell is sent now is done behind it, in the same trip. */
  sent?(): void;
}

/**
 * One host during one run: its connection, its lock, what is known about it. Made before the connection is open; `begin` sends the lock and
 * the first questions in one go.
 */
export class HostSession {
  readonly name: string;
  readonly address: string;
  readonly answers = new Answers();
  readonly #options: SessionOptions;
  readonly #changes: OneAtATime;
  readonly #closed: TransportCounters[] = [];
  #transport: Transport;
  #facts: Facts | undefined;
  #packages: PackageList | undefined;
  #begun: Promise<void> | undefined;
  #isLost = false;
  #mayHaveChanged = false;
  #hasWaited = false;
  readonly #journalSession = randomBytes(4).toString("hex");
  #kept = 0;
  #interrupted: OpenTransaction | undefined;
  readonly #heldFor = new HeldFor();
  /** Written down on the host, so that a run that follows does what this one may not come to. */
  readonly handlers = new RememberedHandlers({
    run: (script) => this.run(script, this.stateUser),
    suffix: () => this.stateSuffix,
  });
  readonly #keptAs = new Map<string, TaskUser>();

  constructor(name: string, address: string, transport: Transport, options: SessionOptions) {
    this.name = name;
    this.address = address;
    this.#transport = transport;
    this.#options = options;
    this.#changes = options.machine?.changes ?? new OneAtATime();
    options.machine?.sessions.add(this);
    this.#watch(transport);
  }

  /** The connection has been lost; `reconnect` brings it back, if the host answers. */
  get isLost(): boolean {
    return this.#isLost;
  }

  #watch(transport: Transport): void {
    this.#isLost = false;
    void transport.lost.then(() => {
      if (this.#transport === transport) this.#isLost = true;
    });
  }

  get transport(): Transport {
    return this.#transport;
  }

  /** Known after the first trip. */
  get facts(): Facts | undefined {
    return this.#facts;
  }

  get runId(): string {
    return this.#options.lockOwner.runId;
  }

  /** Where this run keeps what it replaces; undefined where it keeps nothing. */
  get journal(): Journal | undefined {
    const { lockOwner, undoRuns } = this.#options;
    return undoRuns === 0
      ? undefined
      : { runId: lockOwner.runId, session: this.#journalSession, runs: undoRuns };
  }

  /** A transaction that an earlier run had begun, and that has not come to its end; once. */
  takeInterruptedTransaction(): OpenTransaction | undefined {
    const open = this.#interrupted;
    this.#interrupted = undefined;
    return open;
  }

  /** What the names of the files end in that are kept on the host for this name of it. */
  get stateSuffix(): string {
    return fileSuffix(this.name, this.transport.isLocal);
  }

  get stateUser(): ShellUser {
    return this.#options.stateUser;
  }

  /** Numbers what is kept on this host, in order. */
  nextNumber(): number {
    this.#kept += 1;
    return this.#kept;
  }

  /** As whom tasks have kept what they replaced: each has a place of its own for it. */
  get keptAs(): readonly TaskUser[] {
    return [...this.#keptAs.values()];
  }

  noteKeeping(user: TaskUser): void {
    this.#keptAs.set(user.become ? user.becomeUser : "", user);
  }

  get lastNumber(): number {
    return this.#kept;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  /** Of all connections that the run has had to the host. */
  counters(): TransportCounters {
    return [...this.#closed, this.transport.counters()].reduce(addCounters);
  }

  /**
   * Connects to the host anew and takes its lock again. What was known about it is forgotten.
   *
   * @throws TransportError when it does not answer; then it may be called again. HostStateError when another run has taken the host meanwhile.
   */
  async reconnect(): Promise<void> {
    const opened = await this.#options.open();
    this.#closed.push(this.#transport.counters());
    await this.#transport.close();
    this.#transport = opened;
    this.#watch(opened);
    this.answers.forgetAll();
    this.#packages = undefined;
    this.#heldFor.forget();
    this.#begun = undefined;
    await this.begin();
  }

  /**
   * Takes the lock and asks for the facts; call it, then send the first questions without waiting, so that all travel together.
   *
   * @throws HostStateError when another run holds the host.
   */
  begin(): Promise<void> {
    this.#begun ??= this.#takeLockAndAskFacts();
    return this.#begun;
  }

  async #takeLockAndAskFacts(): Promise<void> {
    const [lock, answer] = await Promise.all([this.#takeLock(undefined), this.#askFacts()]);
    this.#readLock(await this.#takeFromDead(lock));
    this.#readFacts(answer);
    // What was asked meanwhile was asked while something else was at work.
    if (this.#hasWaited) this.noteChange();
    this.#hasWaited = false;
  }

  #takeLock(deadController: string | undefined): Promise<ExecResult> {
    let heard = "";
    const { lockOwner, checkMode, stateUser, takeOver } = this.#options;
    const terms = {
      createState: !checkMode,
      waitSeconds: LEFT_OVER_SECONDS,
      takeOver,
      deadController,
      suffix: this.stateSuffix,
    };
    return this.run(lockScript(lockOwner, this.#options.machine?.name ?? this.name, terms), stateUser, {
      timeoutMs: (LEFT_OVER_SECONDS * MOST_SLOW + 60) * 1000,
      onOutput: (text, stream) => {
        if (stream !== "stderr") return;
        heard += text;
        const [, owner, running] = WAITING.exec(heard) ?? [];
        if (owner === undefined || this.#hasWaited) return;
        this.#hasWaited = true;
        this.#options.warn(
          `waiting for what a run that is gone has left: ${running ?? ""} (${owner}); --take-over ends it instead`,
        );
      },
    });
  }

  /** The link to a controller may have been cut without the host knowing; when the lock is of a process on this machine, we know whether it is dead. */
  async #takeFromDead(lock: ExecResult): Promise<ExecResult> {
    const [controller = "-"] = lock.stderr.toString().trim().split(" ");
    if (lock.exitCode !== LOCK_HELD || !this.#options.isGone(controller)) return lock;
    this.#hasWaited = true;
    return this.#takeLock(controller);
  }

  /** The packages of the host, where they were asked for with the facts and nothing was changed since; waits for an answer that is under way. */
  async packages(): Promise<PackageList | undefined> {
    await this.#begun;
    return this.#packages;
  }

  /** Resolves when nobody else changes the host. @returns what to call when it may be changed by others again. */
  enter(): Promise<() => void> {
    return this.#changes.enter();
  }

  /** What was changed on the host may have changed its facts. */
  noteChange(): void {
    for (const session of this.#options.machine?.sessions ?? [this]) session.#forget();
  }

  #forget(): void {
    this.#packages = undefined;
    this.answers.forgetAll();
    this.#mayHaveChanged = true;
  }

  /** Asks for the facts again, if anything was changed since they were asked for. @returns whether it did. */
  async refreshFacts(): Promise<boolean> {
    if (this.#facts === undefined || !this.#mayHaveChanged) return false;
    this.#readFacts(await this.#askFacts());
    return true;
  }

  #askFacts(): Promise<ExecResult> {
    this.#mayHaveChanged = false;
    return this.run(facts.kind.script(["all"]).script, { kind: "login" });
  }

  #readFacts(answer: ExecResult): void {
    const parsed = facts.kind.parse(
      { stdout: answer.stdout, stderr: answer.stderr.toString(), exitCode: requireExit(answer) },
      ["all"],
    )[0];
    if (parsed?.known !== true) {
      throw new HostStateError(
        `the host's facts are not known: ${parsed?.reason ?? "no answer"}`,
        "is it a Linux host with a POSIX shell?",
      );
    }
    this.#facts = parsed.answer;
    this.#packages = packageList(answer.stdout.toString());
  }

  #readLock(lock: ExecResult): void {
    const problem = lockProblem(lock, this.runId);
    if (problem !== undefined) throw new HostStateError(problem.message, problem.hint);
    const lines = lock.stdout.toString().split("\n").filter(Boolean);
    const open = lines.find((line) => line.startsWith(TRANSACTION_OPEN));
    const transaction = readTransaction(open);
    this.#interrupted = transaction?.session === this.#journalSession ? undefined : transaction;
    const remembered = lines.filter((line) => line !== open);
    this.handlers.found(remembered, this.#options.checkMode);
  }

  /** The shell for a query or a step of a task. */
  shellUser(as: RunAs, user: TaskUser): ShellUser {
    if (as === "login") return { kind: "login" };
    if (as === "task") {
      return user.become
        ? {
            kind: "become",
            user: user.becomeUser,
            method: user.becomeMethod,
            ...present("flags", user.becomeFlags),
            ...present("program", user.becomeProgram),
          }
        : { kind: "login" };
    }
    return { kind: "become", user: as.user, method: user.becomeMethod };
  }

  /**
   * A script in which a secret stands shows it to no program that is Plumb's choice (`shell/quiet-programs.ts`).
   *
   * @throws TransportError when the connection is lost before the script has ended.
   */
  async run(
    script: ShellText,
    as: ShellUser,
    { isUsersOwn = false, sent, ...rest }: RunOptions = {},
  ): Promise<ExecResult> {
    const { signal, secretsIn } = this.#options;
    const ending = rest.signal === undefined ? signal : AbortSignal.any([signal, rest.signal]);
    const secrets = isUsersOwn ? [] : secretsIn(script.shell);
    const quiet =
      secrets.length === 0
        ? script
        : (await import("../shell/quiet-programs.ts")).withQuietPrograms(script, secrets);
    const running = this.transport.run({ ...rest, script: quiet, as, signal: ending });
    sent?.();
    const result = await running;
    if (result.connectionLost) throw await this.transport.lost;
    return result;
  }

  /**
   * Runs a script that may change something. The host stays locked until it has ended, whoever's shell it runs in and whatever becomes of this run.
   *
   * @param slow so many things that take their time are in it.
   * @throws TransportError as `run` does.
   */
  async act(
    script: ShellText,
    as: ShellUser,
    { slow = 1, ...rest }: RunOptions & { slow?: number } = {},
  ): Promise<ExecResult> {
    if (this.transport.processOf(as) === undefined) await this.run(rawShell(":"), as);
    // Sent ahead of it, and not waited for: what has arrived is done, though the link be cut.
    const [, result] = await Promise.all([this.#hold(as, slow), this.run(script, as, rest)]);
    return result;
  }

  /** Says in the lock whose shell is at work. */
  #hold(as: ShellUser, slow: number): Promise<void> {
    const shell = this.transport.processOf(as);
    const holder = this.transport.processOf(this.stateUser);
    const host = {
      run: (script: ShellText) => this.run(script, this.stateUser),
      warn: this.#options.warn,
    };
    return this.#heldFor.note(host, shell === holder ? undefined : shell, slow);
  }
}
