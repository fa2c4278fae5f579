import type { Change, NeededChange } from "../modules/change.ts";
import { type ActionResult, ModuleFailure, type ParameterFinding } from "../modules/module.ts";
import type { Step, StepOutput } from "../modules/step.ts";
import type { Subject } from "../modules/subject.ts";
import { LOOK_AHEAD_AFTER_CHANGE } from "./ask-ahead.ts";
import type { DoneAhead, HostContext } from "./host-context.ts";
import { leaveAlone } from "./host-job.ts";
import type { HostSession } from "./host-session.ts";
import type { HostStep, JoinedChange } from "./join-changes.ts";
import { type Keeper, keeper, subjectsOf } from "./keeper.ts";
import { perform } from "./perform.ts";
import { performJoined } from "./perform-joined.ts";
import type { PerformOptions } from "./perform-options.ts";
import { type Prepared, situation } from "./prepare.ts";
import { addSecretsAt } from "./secret-values.ts";

/** How one pass of a task came out, before `changed_when` and `failed_when` have their say. */
export type PassResult =
  | { kind: "none"; reason: string; data: ActionResult["data"] }
  | { kind: "predicted"; change: NeededChange; certain: boolean }
  | { kind: "done"; change: NeededChange; result: ActionResult };

/** How long steps may take, and whether they are jobs of their own. */
export type PassTerms = Pick<PerformOptions, "stepLimitMs" | "job" | "signal">;

export interface PassHooks {
  /** Resolves when this host may act. Others may have changed something on it meanwhile: then what was known about it is forgotten. */
  turn(): Promise<void>;
  /** Called before the first step: what must be remembered on the host is remembered now. @param isHarmless it only looks. */
  beforeChange(change: NeededChange, isHarmless: boolean): Promise<void>;
  /** Called with what the module finds questionable. */
  warn(findings: readonly ParameterFinding[]): void;
  progress(step: string, line?: string): void;
  /** Asks the person at the terminal, if there is one. */
  ask: PerformOptions["ask"];
  /** `--resume`: it has run to its end, and nobody asks for its result. */
  isDone(): boolean;
  /** What the task is called in what is kept for an undo, without secrets. */
  title: string;
  /** The pass, as `HostContext.doneAhead` has it. */
  key: string;
  /** Changes that can be made together with this one. */
  toJoin(prepared: Prepared, change: NeededChange, steps: readonly Step[]): Promise<JoinedChange[]>;
  /** `changed_when: false`: whoever wrote the task knows that there is nothing to be undone where the module can't say. */
  onlyLooks: boolean;
  /**
   * After a change: reads what the parameters point to on the controller anew, asks for this pass, and for as much of what comes next as is wise.
   */
  askAgain(prepared: Prepared): Promise<Prepared>;
}

/** The module said that its steps would make the change, and after them it still wants one. */
export class BrokenPromise extends Error {
  readonly change: NeededChange;

  constructor(module: string, change: NeededChange) {
    const wanted = change.differences.map(({ name }) => name).join(", ");
    super(
      `the module \`${module}\` made its change, but the host is still not as wanted (${change.summary}${wanted === "" ? "" : `: ${wanted}`})`,
    );
    this.name = "BrokenPromise";
    this.change = change;
  }
}

/** Something that had to be known could not be found out. */
export class NotKnown extends Error {
  constructor(reason: string) {
    super(`could not find out the state of the host: ${reason}`);
    this.name = "NotKnown";
  }
}

/**
 * Brings one pass of a task about: compares what is with what is wanted and, unless in check mode, makes the change and makes sure of it.
 *
 * @throws NotKnown, BrokenPromise, StepFailure, ModuleFailure, TransportError
 */
export async function applyPass(
  context: HostContext,
  session: HostSession,
  prepared: Prepared,
  terms: PassTerms,
  hooks: PassHooks,
): Promise<PassResult> {
  const ahead = context.doneAhead.get(hooks.key);
  if (ahead !== undefined) {
    context.doneAhead.delete(hooks.key);
    return wasDone(context, session, prepared, ahead, terms, hooks);
  }
  const { module, input } = prepared;
  const before = compare(context, session, prepared);
  if (before.warnings !== undefined) hooks.warn(before.warnings);
  addSecretsAt(context.secrets, module.secretReturns, (name) => before.data?.[name]);
  if (before.action === "none") return { kind: "none", reason: before.reason, data: before.data };
  const now = situation(context, session, prepared.modes);
  const { inCheckMode = "predict" } = module;
  const mode =
    before.inCheckMode ?? (typeof inCheckMode === "function" ? inCheckMode(input, now) : inCheckMode);
  const harmless = before.action === "run" && mode === "run";
  if (now.checkMode && !harmless) {
    return { kind: "predicted", change: before, certain: before.action !== "run" };
  }
  if (before.action === "run" && !harmless && hooks.isDone())
    return { kind: "none", reason: "done already by the run that is gone on with", data: undefined };
  await hooks.turn();
  if (!isAllKnown(session, prepared))
    return applyPass(context, session, await askedAgain(session, prepared, hooks), terms, hooks);
  await hooks.beforeChange(before, harmless);
  const steps = module.steps(before, input, now);
  const options: PerformOptions = {
    ...terms,
    session,
    user: prepared.user,
    environment: prepared.environment,
    keeper: harmless ? undefined : keeperFor(context, session, prepared, before, steps, hooks),
    progress: hooks.progress,
    ask: hooks.ask,
    stopping: context.hooks.stopping,
    holdsSecret: (text) => context.secrets.appearsIn(text),
  };
  if (terms.job?.pollMs === 0) {
    const result = await leaveAlone(steps, terms.job, options);
    stale(context, session);
    return { kind: "done", change: before, result };
  }
  const joined = harmless || terms.job !== undefined ? [] : await hooks.toJoin(prepared, before, steps);
  const outputs: StepOutput[] =
    joined.length === 0
      ? await perform(steps, options)
      : await performWith(context, session, steps, joined, options);
  // What tasks ahead have read on the controller may be another file now.
  if (session.transport.isLocal || steps.some(({ kind }) => kind === "controller")) context.prepared.clear();
  const result = module.result?.(input, outputs, before) ?? { changed: true, data: before.data ?? {} };
  addSecretsAt(context.secrets, module.secretReturns, (name) => result.data?.[name]);
  if (result.changed) stale(context, session);
  // All of them are made sure of in one trip.
  context.lookahead += joined.at(-1)?.distance ?? 0;
  if (before.action !== "run") {
    audit(context, session, await askedAgain(session, prepared, hooks));
  }
  return { kind: "done", change: before, result };
}

/** Makes a change together with those that follow it; of these it is kept how they came out, until their turn comes. */
async function performWith(
  context: HostContext,
  session: HostSession,
  steps: readonly Step[],
  joined: readonly JoinedChange[],
  options: PerformOptions,
): Promise<StepOutput[]> {
  const own = { steps: steps as readonly HostStep[], keeper: options.keeper };
  const others = joined.map(({ prepared, change, steps: its, title }) => ({
    steps: its,
    keeper: keeperFor(context, session, prepared, change, its, { title, onlyLooks: false }),
  }));
  const ends = await performJoined([own, ...others], options);
  for (const [index, { key, prepared, change }] of joined.entries()) {
    const end = ends[index + 1];
    if (end !== undefined) context.doneAhead.set(key, { prepared, change, end });
  }
  return [];
}

/** The turn of a change that was made together with one before it: it is told of and made sure of as any other. */
async function wasDone(
  context: HostContext,
  session: HostSession,
  prepared: Prepared,
  { prepared: then, change, end }: DoneAhead,
  terms: PassTerms,
  hooks: PassHooks,
): Promise<PassResult> {
  // Another host has set facts on this one meanwhile, and something else is wanted.
  if (prepared !== then && compare(context, session, prepared).action !== "none")
    return applyPass(context, session, prepared, terms, hooks);
  await hooks.beforeChange(change, false);
  if (end.kind === "failed") throw end.error;
  audit(context, session, prepared);
  const data = change.data ?? {};
  addSecretsAt(context.secrets, prepared.module.secretReturns, (name) => data[name]);
  return { kind: "done", change, result: { changed: true, data } };
}

/** A host that others keep changing for longer is left to the error that says so. */
export const MOST_TRIES = 100;

/** As often as it takes: others may change the host of a delegated task meanwhile. */
async function askedAgain(session: HostSession, prepared: Prepared, hooks: PassHooks): Promise<Prepared> {
  let asked = await hooks.askAgain(prepared);
  for (let tries = 1; tries < MOST_TRIES && !isAllKnown(session, asked); tries++)
    asked = await hooks.askAgain(asked);
  return asked;
}

/** Whether all answers are there that a pass is judged by. */
export function isAllKnown(session: HostSession, { queries }: Prepared): boolean {
  return [...queries.values()].every((question) => session.answers.has(question));
}

/** @throws NotKnown, ModuleFailure */
export function compare(
  context: HostContext,
  session: HostSession,
  prepared: Prepared,
  afterSteps = false,
): Change {
  const answers: Record<string, unknown> = {};
  for (const [name, question] of prepared.queries) {
    const answered = session.answers.get(question);
    if (answered === undefined) throw new Error(`query ${question.query.kind.name} was not asked`);
    if (!answered.known) throw new NotKnown(answered.reason);
    answers[name] = answered.answer;
  }
  return prepared.module.diff(prepared.input, answers, {
    ...situation(context, session, prepared.modes),
    afterSteps,
  });
}

function keeperFor(
  context: HostContext,
  session: HostSession,
  { module, input, user }: Prepared,
  change: NeededChange,
  steps: readonly Step[],
  { title, onlyLooks }: Pick<PassHooks, "title" | "onlyLooks">,
): Keeper | undefined {
  if (session.journal === undefined) return undefined;
  session.noteKeeping(user);
  const subjects = subjectsOf(module, input, change, steps).flatMap((subject): Subject[] => {
    if (subject.kind !== "lost") return [subject];
    return onlyLooks ? [] : [{ ...subject, what: context.secrets.redact(subject.what) }];
  });
  // The oldest run must not go because of what undoing it keeps.
  const runs = session.journal.runs + (module.name === "rollback" ? 1 : 0);
  return keeper({
    journal: { ...session.journal, runs },
    subjects,
    task: title,
    holdsSecret: (text) => context.secrets.appearsIn(text),
    nextNumber: () => session.nextNumber(),
  });
}

/** After a change nothing that was known about the host counts any more. */
function stale(context: HostContext, session: HostSession): void {
  session.noteChange();
  if (session === context.session) context.lookahead = LOOK_AHEAD_AFTER_CHANGE;
}

function audit(context: HostContext, session: HostSession, prepared: Prepared): void {
  let after: Change;
  try {
    after = compare(context, session, prepared, true);
  } catch (error) {
    if (!(error instanceof ModuleFailure)) throw error;
    throw new ModuleFailure(
      `after its change the module \`${prepared.module.name}\` says: ${error.message}`,
      { cause: error },
    );
  }
  if (after.action !== "none") throw new BrokenPromise(prepared.module.name, after);
}
