import type { NeededChange } from "../modules/change.ts";
import { ModuleFailure } from "../modules/module.ts";
import type { ScriptStep, WriteFileStep } from "../modules/step.ts";
import { type Trial, type TrialAnswer, trial } from "../queries/trial.ts";
import type { AddressedQuery } from "./answers.ts";
import { compare, isAllKnown, NotKnown } from "./apply-pass.ts";
import { ask } from "./ask.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import {
  contentBytes,
  contentSize,
  describeExit,
  isPrivate,
  LARGEST_INLINE_BYTES,
  lastWordsOf,
} from "./perform.ts";
import { StepFailure } from "./perform-options.ts";
import { type Prepared, situation } from "./prepare.ts";
import { describeRefusal, NOT_FOUND, tryFileScript, VALIDATION_FAILED } from "./write-file.ts";

type TriedStep = ScriptStep | WriteFileStep;

/** A trial of a step, as a question. */
interface StepTrial {
  step: TriedStep;
  mayBeMade: boolean;
  question: AddressedQuery;
}

type Refusal = Extract<TrialAnswer, { passed: false }>;

/**
 * Check mode: finds out on the host what of the steps of a change would fail, as far as they say how that can be tried. The steps of other tasks that are known to be needed are tried
 * in the same trip: nothing is done in check mode, so that what was tried once holds until the end.
 *
 * @returns where an earlier task would have changed the host: what is refused as the host is now.
 * @throws StepFailure as the step would; NotKnown when it could not be tried.
 */
export async function tryOut(
  context: HostContext,
  session: HostSession,
  prepared: Prepared,
  change: NeededChange,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const all = await trialsOf(context, session, prepared, change);
  const own = all.filter(({ mayBeMade }) => !mayBeMade || !context.changesPending);
  if (own.some(({ question }) => !session.answers.has(question))) {
    const others = session === context.session ? await trialsAhead(context) : [];
    await ask(
      session,
      [...own, ...others].map(({ question }) => question),
      signal,
    );
  }
  for (const { step, question } of own) {
    const answered = session.answers.get(question);
    if (answered?.known !== true) throw new NotKnown(answered?.reason ?? "it was not tried");
    const answer = answered.answer as TrialAnswer;
    if (answer.passed) continue;
    const failure = new StepFailure(step.title, describe(step, answer));
    if (!context.changesPending) throw failure;
    if (!mayYetCome(step, answer)) return failure.message;
  }
  return undefined;
}

/** How programs say that something is not there. */
const MISSING =
  /not found|no such file|can(?:'|no)t (?:locate|open|find)|not (?:executable|installed|loaded)|does not exist|unknown (?:user|group)|missing/i;

/** Users, programs and files come with packages and earlier tasks: only of what is refused for what stands in it is it worth a warning. */
function mayYetCome(step: TriedStep, { exitCode, said }: Refusal): boolean {
  const isOwner = step.kind === "write-file" && exitCode !== VALIDATION_FAILED;
  return exitCode === NOT_FOUND || isOwner || MISSING.test(said);
}

function describe(step: TriedStep, { exitCode, said }: Refusal): string {
  const reason = lastWordsOf(said);
  return step.kind === "write-file"
    ? describeRefusal(step, exitCode, reason)
    : describeExit(step, exitCode, reason);
}

/** Of the tasks that were looked at already, and of which it is known that they have something to do. */
async function trialsAhead(context: HostContext): Promise<StepTrial[]> {
  const { session } = context;
  const trials: StepTrial[] = [];
  for (const prepared of context.prepared.values()) {
    if (!prepared.modes.checkMode || !isAllKnown(session, prepared)) continue;
    const change = changeOf(context, prepared);
    if (change !== undefined && change.action !== "run")
      trials.push(...(await trialsOf(context, session, prepared, change)));
  }
  // After this change, what may be made by an earlier task says nothing any more.
  return trials.filter(({ mayBeMade }) => !mayBeMade);
}

/** What is wrong with a task is told when its turn comes. */
function changeOf(context: HostContext, prepared: Prepared): NeededChange | undefined {
  try {
    const change = compare(context, context.session, prepared);
    return change.action === "none" ? undefined : change;
  } catch (error) {
    if (error instanceof ModuleFailure || error instanceof NotKnown) return undefined;
    throw error;
  }
}

async function trialsOf(
  context: HostContext,
  session: HostSession,
  { module, input, user, environment, modes }: Prepared,
  change: NeededChange,
): Promise<StepTrial[]> {
  const steps = module.steps(change, input, situation(context, session, modes));
  const found = await Promise.all(
    steps.map(async (step): Promise<StepTrial[]> => {
      if (step.kind === "controller") return [];
      const as = session.shellUser(step.as ?? "task", user);
      const own = step.kind === "script" ? step.environment : undefined;
      const trials = step.kind === "script" ? (step.trials ?? []) : await trialsOfWrite(context, step);
      return trials.map((one) => ({
        step,
        mayBeMade: one.mayBeMade === true,
        question: { query: trial({ ...one, environment: { ...environment, ...own } }), as },
      }));
    }),
  );
  return found.flat();
}

/** A large content is not sent only to be looked at. */
async function trialsOfWrite({ secrets }: HostContext, step: WriteFileStep): Promise<Trial[]> {
  const sendsContent = step.validate !== undefined && contentSize(step.content) <= LARGEST_INLINE_BYTES;
  const secret = isPrivate(step.content, (text) => secrets.appearsIn(text));
  const script = tryFileScript(step, secret, sendsContent);
  if (script === undefined) return [];
  return [{ script, ...(sendsContent ? { stdin: await contentBytes(step.content) } : {}) }];
}
