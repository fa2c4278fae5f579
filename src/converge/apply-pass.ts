import type { NeededChange } from "../modules/change.ts";
import type { ActionResult, ParameterFinding } from "../modules/module.ts";
import type { Step } from "../modules/step.ts";
import type { AddressedQuery } from "./answers.ts";
import { LOOK_AHEAD_AFTER_CHANGE, LOOK_AHEAD_GROWTH } from "./ask-ahead.ts";
import { AskedBehind } from "./ask-behind.ts";
import { audit, compare, isAllKnown } from "./compare.ts";
import { joinedOrNone, performTogether, takeDoneAhead, wasDone } from "./done-together.ts";
import type { HostContext } from "./host-context.ts";
import { leaveAlone } from "./host-job.ts";
import type { HostSession } from "./host-session.ts";
import type { Joined, JoinedChange } from "./join-changes.ts";
import { keeperFor } from "./keeper-for.ts";
import { perform } from "./perform.ts";
import type { PerformOptions } from "./perform-options.ts";
import { type Prepared, situation } from "./prepare.ts";
import { addSecretsAt } from "./secret-values.ts";
import { stepsOf } from "./steps-of.ts";

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
  /** Does it when nobody else changes the host: others may do what they have delegated to it, or have it under another name. */
  alone<Type>(act: () => Promise<Type>): Promise<Type>;
  /**
   * Called before the first step: what must be remembered on the host is remembered now.
   *
   * @param isHarmless it only looks.
   * @param joined are begun in the same trip.
   * @returns handlers that were remembered because of these.
   */
  beforeChange(
    change: NeededChange,
    isHarmless: boolean,
    joined: readonly JoinedChange[],
  ): Promise<readonly string[]>;
  /** Called when the turn comes of what was begun together with an earlier change. */
  wasBegun(): Promise<void>;
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
  toJoin(prepared: Prepared, change: NeededChange, steps: readonly Step[]): Promise<Joined>;
  /** `changed_when: false`: whoever wrote the task knows that there is nothing to be undone where the module can't say. */
  onlyLooks: boolean;
  /** What is to be asked after the change: for this pass, and for so many tasks after it. */
  questionsAfter(prepared: Prepared, lookahead: number): Promise<readonly AddressedQuery[]>;
  /**
   * After a change: reads what the parameters point to on the controller anew, asks for this pass, and for as much of what comes next as is wise.
   */
  askAgain(prepared: Prepared): Promise<Prepared>;
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
  return decide({ context, session, terms, hooks, isAlone: false }, prepared);
}

/** Around a pass. */
interface Around {
  context: HostContext;
  session: HostSession;
  terms: PassTerms;
  hooks: PassHooks;
  /** Nobody else changes the host until it is done. */
  isAlone: boolean;
}

async function decide(around: Around, prepared: Prepared): Promise<PassResult> {
  const { context, session, terms, hooks, isAlone } = around;
  const ahead = takeDoneAhead(context, hooks.key);
  if (ahead !== undefined) {
    const isStill = prepared === ahead.prepared;
    if (ahead.kind === "nothing" && isStill)
      return { kind: "none", reason: ahead.change.reason, data: ahead.change.data };
    // Another host has set facts on this one meanwhile, and it may be that something else is wanted.
    if (ahead.kind === "change" && (isStill || compare(context, session, prepared).action === "none")) {
      await hooks.wasBegun();
      return wasDone(context, session, ahead);
    }
  }
  const { module, input } = prepared;
  const { age } = session.answers;
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
  if (!isAlone) await hooks.turn();
  // It was compared with what has changed since, though others may have asked anew already.
  const isStill = (): boolean => age === session.answers.age && isAllKnown(session, prepared);
  const goOn = async (own: Around): Promise<PassResult> =>
    isStill()
      ? act(own, prepared, before, harmless)
      : decide(own, await askedAgain(session, prepared, hooks));
  // What was not compared with anything may go on beside what others do, and so may a job.
  const mayGoBeside = isAlone || before.action === "run" || terms.job !== undefined;
  return mayGoBeside ? goOn(around) : hooks.alone(() => goOn({ ...around, isAlone: true }));
}

async function act(
  { context, session, terms, hooks }: Around,
  prepared: Prepared,
  before: NeededChange,
  harmless: boolean,
): Promise<PassResult> {
  const { module, input } = prepared;
  const steps = stepsOf(context, session, prepared, before);
  const joined =
    harmless || terms.job !== undefined
      ? undefined
      : joinedOrNone(await hooks.toJoin(prepared, before, steps));
  const noted = await hooks.beforeChange(before, harmless, joined?.changes ?? []);
  const lookahead = lookaheadAfter(joined);
  const behind = harmless
    ? undefined
    : new AskedBehind(session, await hooks.questionsAfter(prepared, lookahead));
  const options: PerformOptions = {
    ...terms,
    sentLast: (as, limitMs) => behind?.send(as, limitMs),
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
    stale(context, session, lookahead);
    return { kind: "done", change: before, result };
  }
  const own =
    joined === undefined
      ? { outputs: await perform(steps, options) }
      : await performTogether(context, { prepared, options }, joined, noted);
  const { outputs } = own;
  // What tasks ahead have read on the controller may be another file now.
  if (session.transport.isLocal || steps.some(({ kind }) => kind === "controller")) context.prepared.clear();
  const result = module.result?.(input, outputs, before) ?? { changed: true, data: before.data ?? {} };
  addSecretsAt(context.secrets, module.secretReturns, (name) => result.data?.[name]);
  if (result.changed) {
    stale(context, session, lookahead);
    await behind?.keep();
  }
  if (before.action !== "run") {
    const again = await askedAgain(session, prepared, hooks);
    if (own.answers === undefined) audit(context, session, again);
    else audit(context, session, prepared, own.answers);
  }
  return { kind: "done", change: before, result };
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

/** How far to look ahead after a change: all that was joined with it is made sure of in one trip. */
function lookaheadAfter(joined: Joined | undefined): number {
  const growth = joined?.isOutOfSight === true ? LOOK_AHEAD_GROWTH : 1;
  return LOOK_AHEAD_AFTER_CHANGE * growth + (joined?.parts.at(-1)?.distance ?? 0);
}

/** After a change nothing that was known about the host counts any more. */
function stale(context: HostContext, session: HostSession, lookahead: number): void {
  session.noteChange();
  if (session === context.session) context.lookahead = lookahead;
}
