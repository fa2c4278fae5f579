import { isDeepStrictEqual } from "node:util";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Change, NeededChange } from "../modules/change.ts";
import { ModuleFailure } from "../modules/module.ts";
import type { ScriptStep, Step, WriteFileStep } from "../modules/step.ts";
import { namesSetByTask } from "../playbook/names-set-by.ts";
import type { Task } from "../playbook/playbook.ts";
import type { PathState } from "../queries/path-state.ts";
import { PendingVariable } from "../variables/scope.ts";
import { compare, isAllKnown, NotKnown } from "./apply-pass.ts";
import { preparePass } from "./ask-ahead.ts";
import { handlersNotifiedBy } from "./handlers.ts";
import type { HostContext } from "./host-context.ts";
import type { TaskUser } from "./host-session.ts";
import { type Pass, passesOf, passKey } from "./passes.ts";
import { contentSize, LARGEST_INLINE_BYTES } from "./perform.ts";
import { type Prepared, situation } from "./prepare.ts";
import { isSilent, referenceTo } from "./report-task.ts";
import type { RunningPass } from "./running-pass.ts";
import { holds } from "./skip.ts";

/**
 * Changes that are made in one trip with the change whose turn it is.
 *
 * After a change nothing that was known about the host counts any more, so each change takes two trips: to make it, and to make sure of it and ask for what comes next. Between files, links and folders
 * that have nothing to do with each other no decision is needed: what the next one has to do is known before the first is done, and stays true. So they are done by one script, in their order, up to
 * the first that fails; when their turn comes, each is made sure of and told of as any other. Only tasks in one list are joined: never across a block or an include, and never what others wait for.
 */
export interface JoinedChange {
  /** Of the pass, as in `HostContext.doneAhead`. */
  key: string;
  prepared: Prepared;
  change: NeededChange;
  steps: readonly HostStep[];
  title: string;
  /** How many tasks behind the one whose turn it is. */
  distance: number;
}

export type HostStep = ScriptStep | WriteFileStep;

/** So many are joined at most: Ctrl-C ends a run when what is under way is done. */
const MOST_JOINED = 100;

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
): Promise<JoinedChange[]> {
  const { context, session, task, place } = running;
  if (!context.options.mayJoin || place.handler || session !== context.session || session.transport.isLocal)
    return [];
  const first = joinedPaths(context, prepared, change, steps);
  if (first === undefined || !mayBeJoined(context, task)) return [];
  const written = new Written(first);
  const joined: JoinedChange[] = [];
  let bytes = inputBytes(first.steps);
  try {
    for (const next of passesAfter(running)) {
      if (!mayBeJoined(context, next.task)) break;
      if (!context.options.selects(next.task) || !holds(next.task, next.pass.scope)) continue;
      const its = await preparePass(context, next.task, next.pass);
      if (!isAllKnown(session, its) || !written.leavesAlone(its)) break;
      const wanted = compare(context, session, its);
      if (wanted.action === "none") continue;
      if (wanted.warnings !== undefined || !isSameUser(its.user, prepared.user)) break;
      const paths = joinedPaths(
        context,
        its,
        wanted,
        its.module.steps(wanted, its.input, situation(context, session, its.modes)),
      );
      if (paths === undefined || !written.mayAlsoWrite(paths)) break;
      bytes += inputBytes(paths.steps);
      if (bytes > LARGEST_INLINE_BYTES || joined.length + 1 >= MOST_JOINED) break;
      if (!areNotified(context, next)) break;
      written.add(paths);
      joined.push({
        key: passKey(next.task, next.pass),
        prepared: its,
        change: wanted,
        steps: paths.steps,
        distance: place.siblings.indexOf(next.task) + 1,
        title: isSilent(next.task, next.pass.scope)
          ? "hidden by no_log"
          : referenceTo(context, { ...next, handler: false, delegatedTo: undefined }).name,
      });
    }
  } catch (error) {
    // What is wrong, or can't be known yet, is told when its turn comes.
    if (!isToldLater(error)) throw error;
  }
  return joined;
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
}: RunningPass): Generator<{ task: Task; pass: Pass }> {
  const pending = new Set(namesSetByTask(task));
  const ofTask = (one: Task): Pass[] => passesOf(one, context.variables.scopeOf(one, pending));
  if (pass.item !== undefined) {
    const { index } = pass.item;
    for (const other of ofTask(task)) if ((other.item?.index ?? 0) > index) yield { task, pass: other };
  }
  if (isLast) return;
  for (const one of place.siblings) {
    for (const name of namesSetByTask(one)) pending.add(name);
    for (const other of ofTask(one)) yield { task: one, pass: other };
  }
}

/** Whether nothing but the module says how a task comes out, and no other host waits for it. */
function mayBeJoined({ play }: HostContext, task: Task): boolean {
  const { keywords, loop } = task;
  return (
    task.module !== "meta" &&
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

/** Handlers are written down before a change: those of the first change are. */
function areNotified(context: HostContext, { task, pass }: { task: Task; pass: Pass }): boolean {
  const { pendingHandlers } = context.session;
  return handlersNotifiedBy(context, task, pass.scope).every((handler) => pendingHandlers.includes(handler));
}

function isSameUser(one: TaskUser, other: TaskUser): boolean {
  return isDeepStrictEqual(one, other);
}

function inputBytes(steps: readonly HostStep[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === "script" ? 0 : contentSize(step.content)), 0);
}

interface JoinedPaths {
  steps: readonly HostStep[];
  paths: readonly string[];
}

/** What a change writes, where that is files, links and folders by their own names and nothing else. */
function joinedPaths(
  { session }: HostContext,
  prepared: Prepared,
  change: Change,
  all: readonly Step[],
): JoinedPaths | undefined {
  const { module, input } = prepared;
  if (change.action !== "create" && change.action !== "update") return undefined;
  if (module.result !== undefined || questionsAbout(prepared) === undefined) return undefined;
  const steps = all.filter((step) => step.kind !== "controller" && isPlain(step)) as HostStep[];
  if (steps.length < all.length) return undefined;
  const subjects =
    module.touches?.(input, change) ??
    steps.flatMap((step) => (step.kind === "script" ? (step.touches ?? [{ kind: "lost", what: "" }]) : []));
  const paths = steps.flatMap((step) => (step.kind === "write-file" ? [step.path] : []));
  for (const subject of subjects) {
    if (subject.kind !== "path" || subject.tree === true) return undefined;
    paths.push(subject.path);
  }
  // By a link, or by another name of the same file, it could be somewhere else.
  for (const question of prepared.queries.values()) {
    const answered = session.answers.get(question);
    const state = answered?.known === true ? (answered.answer as Partial<PathState>) : undefined;
    if (state?.type === "link" || (state?.type === "file" && state.links !== 1)) return undefined;
  }
  return { steps, paths: [...new Set(paths)] };
}

function isPlain(step: HostStep): boolean {
  if (step.as !== undefined) return false;
  if (step.kind === "write-file") return true;
  return (
    step.stdin === undefined &&
    step.environment === undefined &&
    step.timeoutMs === undefined &&
    step.succeedsWith === undefined
  );
}

/** The paths on which all that a pass has asked depends. */
function questionsAbout({ queries }: Prepared): readonly string[] | undefined {
  const paths: string[] = [];
  for (const { query } of queries.values()) {
    const about = query.kind.paths?.(query.key);
    if (about === undefined) return undefined;
    paths.push(...about);
  }
  return paths;
}

/** What has been written so far. */
class Written {
  readonly #paths: string[] = [];

  constructor(first: JoinedPaths) {
    this.add(first);
  }

  add({ paths }: JoinedPaths): void {
    this.#paths.push(...paths);
  }

  /** Whether what a pass knows of the host is still true. */
  leavesAlone(prepared: Prepared): boolean {
    const about = questionsAbout(prepared);
    return about?.every((path) => this.#paths.every((written) => !isAffected(path, written))) === true;
  }

  /** Whether these are certainly others: one folder may be reached by several names, and have a file of the same name. */
  mayAlsoWrite({ paths }: JoinedPaths): boolean {
    return paths.every((path) =>
      this.#paths.every(
        (written) => folderOf(path) === folderOf(written) || nameOf(path) !== nameOf(written),
      ),
    );
  }
}

/** Whether what is at a path may be otherwise after something else was written. */
function isAffected(path: string, written: string): boolean {
  if (path === written || path.startsWith(`${written}/`)) return true;
  return path === "/" ? folderOf(written) === "" : written.startsWith(`${path}/`);
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
