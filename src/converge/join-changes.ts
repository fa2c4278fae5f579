import { isDeepStrictEqual } from "node:util";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { NeededChange, NoChange } from "../modules/change.ts";
import { ModuleFailure } from "../modules/module.ts";
import type { Step } from "../modules/step.ts";
import { namesSetByTask } from "../playbook/names-set-by.ts";
import type { Task } from "../playbook/playbook.ts";
import { PendingVariable } from "../variables/scope.ts";
import { preparePass } from "./ask-ahead.ts";
import { compare, isAllKnown, NotKnown } from "./compare.ts";
import type { TaskReference } from "./event.ts";
import { handlersNotifiedBy } from "./handlers.ts";
import type { HostContext } from "./host-context.ts";
import { MOST_SLOW } from "./host-lock.ts";
import type { TaskUser } from "./host-session.ts";
import { subjectsOf } from "./keeper.ts";
import { canBeLookedAt } from "./look-again.ts";
import { type Pass, passesOf, passKey } from "./passes.ts";
import { contentSize, LARGEST_INLINE_BYTES } from "./perform-step.ts";
import { type HostStep, isSlow, plainSteps } from "./plain-steps.ts";
import type { Prepared } from "./prepare.ts";
import { isSilent, referenceTo } from "./report-task.ts";
import type { RunningPass } from "./running-pass.ts";
import { holds } from "./skip.ts";
import { stepsOf } from "./steps-of.ts";
import { pathsWritten, Written } from "./written-paths.ts";

/**
 * Changes that are made in one trip with the change whose turn it is.
 *
 * After a change nothing that was known about the host counts any more, so each change takes two trips: to make it, and to make sure of it and ask for what comes next. Where no decision is needed
 * in between, changes are done by one script, in their order, up to the first that fails; when their turn comes, each is told of as any other.
 *
 * - `apart`: files, links and folders that have nothing to do with each other. What the next one has to do is known before the first is done, and certainly stays true.
 * - `in turn`: whatever one change may do to what the next was decided from, the host itself is asked right before it, and the script ends where anything has moved.
 *
 * Only tasks that follow each other directly are joined: never across an include, or the edge of a block that says what happens when they fail, and never what others wait for.
 */
export interface Joined {
  how: "apart" | "in turn";
  /** Steps of the change whose turn it is. */
  own: readonly HostStep[];
  parts: readonly JoinedPart[];
  /** Changes among them; without any there is nothing to join. */
  changes: readonly JoinedChange[];
  /** It ended where nobody has asked yet what comes next. */
  isOutOfSight: boolean;
}

export type JoinedPart = JoinedChange | JoinedNothing;

interface PartOfPass {
  /** Of the pass, as in `HostContext.doneAhead`. */
  key: string;
  prepared: Prepared;
  /** How many tasks behind the one whose turn it is. */
  distance: number;
}

export interface JoinedChange extends PartOfPass {
  kind: "change";
  change: NeededChange;
  steps: readonly HostStep[];
  title: string;
  reference: TaskReference;
  isSilent: boolean;
  handlers: readonly string[];
}

/** As wanted already, between two changes. */
interface JoinedNothing extends PartOfPass {
  kind: "nothing";
  change: NoChange;
}

/** So many are joined at most: Ctrl-C ends a run when what is under way is done. */
const MOST_JOINED = 100;
/** Each of them is asked about twice more. */
const MOST_IN_TURN = 16;

const NOTHING: Joined = { how: "apart", own: [], parts: [], changes: [], isOutOfSight: false };

/**
 * The changes that follow a change and can be made together with it; none where it can't be joined itself.
 *
 * @param steps of the change whose turn it is.
 */
export async function changesToJoin(
  running: RunningPass,
  prepared: Prepared,
  change: NeededChange,
  steps: readonly Step[],
): Promise<Joined> {
  const { context, session, task, place } = running;
  if (!context.options.mayJoin || place.handler || session !== context.session || session.transport.isLocal)
    return NOTHING;
  const own = plainSteps(steps);
  if (own === undefined || change.action === "run" || !mayBeJoined(context, task)) return NOTHING;
  const joining = new Joining(context, prepared, change, own);
  try {
    for (const next of passesAfter(running)) {
      if (!joining.isPossible || !mayBeJoined(context, next.task)) break;
      if (!context.options.selects(next.task) || !holds(next.task, next.pass.scope)) continue;
      const its = await preparePass(context, next.task, next.pass);
      if (!isAllKnown(session, its)) {
        joining.isOutOfSight = true;
        break;
      }
      if (!isSameUser(its.user, prepared.user)) break;
      if (!joining.add(next, its, next.distance)) break;
    }
  } catch (error) {
    // What is wrong, or can't be known yet, is told when its turn comes.
    if (!isToldLater(error)) throw error;
  }
  return joining.joined();
}

function isToldLater(error: unknown): boolean {
  return (
    error instanceof PendingVariable ||
    error instanceof DiagnosticsError ||
    error instanceof ModuleFailure ||
    error instanceof NotKnown
  );
}

/** The items behind this one, then the tasks behind this one in the same list. */
function* passesAfter({
  context,
  task,
  pass,
  place,
  isLast,
}: RunningPass): Generator<{ task: Task; pass: Pass; distance: number }> {
  const pending = new Set(namesSetByTask(task));
  const ofTask = (one: Task): Pass[] => passesOf(one, context.variables.scopeOf(one, pending));
  if (pass.item !== undefined) {
    const { index } = pass.item;
    for (const other of ofTask(task))
      if ((other.item?.index ?? 0) > index) yield { task, pass: other, distance: 0 };
  }
  if (isLast) return;
  let distance = 0;
  for (const one of place.following()) {
    distance += 1;
    for (const name of namesSetByTask(one)) pending.add(name);
    for (const other of ofTask(one)) yield { task: one, pass: other, distance };
  }
}

/** Whether nothing but the module says how a task comes out, and no other host waits for it. */
function mayBeJoined({ play, checkedRoles, endedRoles }: HostContext, task: Task): boolean {
  const { keywords, loop, role } = task;
  return (
    task.module !== "meta" &&
    endedRoles.size === 0 &&
    // The variables of a role are looked at before its first change.
    (role?.specification === undefined || checkedRoles.has(role)) &&
    play.maxFailPercentage === undefined &&
    [
      keywords.anyErrorsFatal,
      keywords.delegateTo,
      keywords.runOnce,
      keywords.throttle,
      keywords.timeout,
      keywords.checkMode,
      task.async,
      task.until,
      task.failedWhen,
      task.changedWhen,
      loop?.pauseMs,
      loop?.breakWhen,
    ].every((keyword) => keyword === undefined) &&
    keywords.environment.length === 0
  );
}

function isSameUser(one: TaskUser, other: TaskUser): boolean {
  return isDeepStrictEqual(one, other);
}

function inputBytes(steps: readonly HostStep[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === "script" ? 0 : contentSize(step.content)), 0);
}

/** Puts together what one trip does. */
class Joining {
  readonly #context: HostContext;
  readonly #first: Prepared;
  readonly #own: readonly HostStep[];
  readonly #parts: JoinedPart[] = [];
  readonly #written = new Written();
  #how: Joined["how"];
  #changes = 0;
  #bytes: number;
  #slow: number;
  /** Something goes into a folder that is made in the same trip. */
  #foresees = false;
  isOutOfSight = false;

  constructor(context: HostContext, first: Prepared, change: NeededChange, steps: readonly HostStep[]) {
    this.#context = context;
    this.#first = first;
    this.#own = steps;
    this.#bytes = inputBytes(steps);
    this.#slow = isSlow(steps) ? 1 : 0;
    const paths = pathsWritten(context.session, first, change, steps);
    this.#how = paths === undefined ? "in turn" : "apart";
    this.#note(first, change, paths);
  }

  /** Whether anything can be joined with the first at all. */
  get isPossible(): boolean {
    return this.#how === "apart" || this.#canBeLookedAt(this.#first);
  }

  joined(): Joined {
    const end = this.#parts.findLastIndex(({ kind }) => kind === "change");
    const parts = this.#parts.slice(0, end + 1);
    const changes = parts.filter((part): part is JoinedChange => part.kind === "change");
    return { how: this.#how, own: this.#own, parts, changes, isOutOfSight: this.isOutOfSight };
  }

  /** @returns whether it was taken in, and the next may be looked at. */
  add(next: { task: Task; pass: Pass }, prepared: Prepared, distance: number): boolean {
    const { session } = this.#context;
    const foreseen = this.#how === "apart" ? this.#written.foreseen(session, prepared) : undefined;
    const wanted = compare(this.#context, session, prepared, false, foreseen);
    this.#foresees ||= foreseen !== undefined && foreseen.size > 0;
    const part = { key: passKey(next.task, next.pass), prepared, distance };
    if (wanted.warnings !== undefined) return false;
    if (wanted.action === "none")
      return this.#fits(prepared, undefined) && this.#push({ ...part, kind: "nothing", change: wanted });
    if (wanted.action === "run") return false;
    const steps = plainSteps(stepsOf(this.#context, session, prepared, wanted));
    if (steps === undefined) return false;
    const paths = pathsWritten(session, prepared, wanted, steps);
    if (!this.#fits(prepared, { paths, isSeen: this.#isSeen(prepared, wanted, steps) })) return false;
    const reference = referenceTo(this.#context, { ...next, handler: false, delegatedTo: undefined });
    if (this.#context.options.watcher?.objection?.(this.#context.host, reference, wanted) !== undefined)
      return false;
    this.#bytes += inputBytes(steps);
    this.#slow += isSlow(steps) ? 1 : 0;
    this.#changes += 1;
    if (this.#bytes > LARGEST_INLINE_BYTES || this.#slow > MOST_SLOW) return false;
    this.#note(prepared, wanted, paths);
    const silent = isSilent(next.task, next.pass.scope);
    return this.#push({
      ...part,
      kind: "change",
      change: wanted,
      steps,
      title: silent ? "hidden by no_log" : reference.name,
      reference,
      isSilent: silent,
      handlers: handlersNotifiedBy(this.#context, next.task, next.pass.scope),
    });
  }

  #note({ module, input }: Prepared, change: NeededChange, paths: readonly string[] | undefined): void {
    this.#written.add(paths ?? [], module.newFolder?.(input, change));
  }

  #push(part: JoinedPart): boolean {
    this.#parts.push(part);
    return this.#how === "apart" ? this.#changes < MOST_JOINED - 1 : this.#parts.length < MOST_IN_TURN;
  }

  /** Whether it can go along as things are, or in turn from here on. */
  #fits(
    prepared: Prepared,
    change: { paths: readonly string[] | undefined; isSeen: boolean } | undefined,
  ): boolean {
    if (this.#how === "apart" && this.#written.leavesAlone(prepared)) {
      if (change === undefined) return true;
      if (change.paths !== undefined && this.#written.mayAlsoWrite(change.paths)) return true;
    }
    // The host would be asked what is known only when the folder has been made.
    if (this.#foresees) return false;
    if (change?.isSeen === true && !this.#context.hooks.goesAlone()) return false;
    const all = [this.#first, ...this.#parts.map((part) => part.prepared), prepared];
    if (all.length > MOST_IN_TURN || !all.every((one) => this.#canBeLookedAt(one))) return false;
    this.#how = "in turn";
    return true;
  }

  #canBeLookedAt(prepared: Prepared): boolean {
    const { session } = this.#context;
    return canBeLookedAt(prepared, session.shellUser("task", prepared.user));
  }

  /** Whether other hosts may see that it was done: they may wait for it, or count on its being done behind something of theirs. */
  #isSeen({ module, input }: Prepared, change: NeededChange, steps: readonly HostStep[]): boolean {
    return subjectsOf(module, input, change, steps).some(
      ({ kind }) => kind !== "path" && kind !== "user" && kind !== "group" && kind !== "sysctl",
    );
  }
}
