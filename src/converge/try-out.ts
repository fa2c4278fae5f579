import type { NeededChange } from "../modules/change.ts";
import { ModuleFailure } from "../modules/module.ts";
import type { Step, StepTrial, WriteFileStep } from "../modules/step.ts";
import { type TrialAnswer, trial } from "../queries/trial.ts";
import { sh, shellLines } from "../shell/shell-text.ts";
import { VALIDATION_FAILED } from "../shell/validation.ts";
import type { ShellUser } from "../transport/transport.ts";
import type { AddressedQuery } from "./answers.ts";
import { ask } from "./ask.ts";
import { compare, isAllKnown, NotKnown } from "./compare.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import { StepFailure } from "./perform-options.ts";
import {
  contentBytes,
  contentSize,
  contentStream,
  describeExit,
  isPrivate,
  LARGEST_INLINE_BYTES,
  lastWordsOf,
  tryOnController,
} from "./perform-step.ts";
import type { Prepared } from "./prepare.ts";
import { stepsOf } from "./steps-of.ts";
import { STEP_LIMIT_MS, withinLimit } from "./time-limit.ts";
import { describeRefusal, NOT_FOUND, tryFileScript } from "./write-file.ts";

/** A trial of a step, as a question. */
interface StepQuestion {
  step: Step;
  mayBeMade: boolean;
  trial: StepTrial;
  as: ShellUser;
  /** undefined: what it looks at is too large to travel with the question. */
  question: AddressedQuery | undefined;
}

type Refusal = Extract<TrialAnswer, { passed: false }>;

/** What is tried without asking the host through a query: a server that is asked. */
const CONTROLLER_TRIAL_LIMIT_MS = 2 * 60_000;

/**
 * Check mode: finds out on the host what of the steps of a change would fail, as far as they say how that can be tried. The steps of other tasks that are known to be needed are tried
 * in the same trip: nothing is done in check mode, so that what was tried once holds until the end.
 *
 * @returns where an earlier task would have changed the host: what is refused as the host is now.
 * @throws StepFailure, ModuleFailure as the step would; NotKnown when it could not be tried.
 */
export async function tryOut(
  context: HostContext,
  session: HostSession,
  prepared: Prepared,
  change: NeededChange,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const steps = stepsOf(context, session, prepared, change);
  const all = await trialsOf(context, session, prepared, steps);
  const own = all.filter(({ mayBeMade }) => !mayBeMade || !context.changesPending);
  const questions = own.flatMap(({ question }) => question ?? []);
  if (questions.some((question) => !session.answers.has(question))) {
    const others = session === context.session ? await trialsAhead(context) : [];
    await ask(session, [...questions, ...others.flatMap(({ question }) => question ?? [])], signal);
  }
  for (const { step, trial: wanted, as, question } of own) {
    const asked = question ?? (await askUploaded(session, wanted, as, signal));
    const answered = session.answers.get(asked);
    if (answered?.known !== true) throw new NotKnown(answered?.reason ?? "it was not tried");
    const answer = answered.answer as TrialAnswer;
    if (answer.passed) continue;
    const failure = new StepFailure(step.title, describe(step, answer));
    if (!context.changesPending) throw failure;
    if (!mayYetCome(step, answer)) return failure.message;
  }
  return tryOnControllerAll(context, session, prepared, steps, signal);
}

/** Of what is tried on the controller only a server's answer says something, where an earlier task would have changed the host. */
async function tryOnControllerAll(
  context: HostContext,
  session: HostSession,
  { user, environment }: Prepared,
  steps: readonly Step[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for (const step of steps) {
    if (step.kind !== "controller" || step.tryOut === undefined) continue;
    try {
      await tryOnController(step, {
        session,
        user,
        environment,
        stepLimitMs: CONTROLLER_TRIAL_LIMIT_MS,
        job: undefined,
        signal,
        keeper: undefined,
        progress: () => undefined,
        ask: undefined,
        stopping: context.hooks.stopping,
        holdsSecret: (text) => context.secrets.appearsIn(text),
      });
    } catch (error) {
      if (!context.changesPending || !(error instanceof ModuleFailure)) throw error;
      if (!NOBODY_ANSWERS.test(error.message)) return error.message;
    }
  }
  return undefined;
}

/** How programs say that nobody can be asked. */
const NOBODY_ANSWERS = /not answer|(?:could not|couldn't) (?:resolve|connect)|failed to connect|timed out/i;

/** What is too large for a question is sent as a file first, which goes with the trial. */
async function askUploaded(
  session: HostSession,
  { content, script, ...rest }: StepTrial,
  as: ShellUser,
  signal: AbortSignal | undefined,
): Promise<AddressedQuery> {
  if (content === undefined) throw new Error("a trial without content has a question");
  const path = await withinLimit(STEP_LIMIT_MS, () => session.transport.upload(contentStream(content), as));
  const fromFile = shellLines(sh`exec < ${path}; rm -f -- ${path}`, script);
  const question = { query: trial({ ...rest, script: fromFile }), as };
  await ask(session, [question], signal);
  return question;
}

/** How programs say that something is not there. */
const MISSING =
  /not found|no such file|can(?:'|no)t (?:locate|open|find)|not (?:executable|installed|loaded)|does not exist|unknown (?:user|group)|missing/i;

/** Users, programs and files come with packages and earlier tasks: only of what is refused for what stands in it is it worth a warning. */
function mayYetCome(step: Step, { exitCode, said }: Refusal): boolean {
  const isOwner = step.kind === "write-file" && exitCode !== VALIDATION_FAILED;
  return exitCode === NOT_FOUND || isOwner || MISSING.test(said);
}

function describe(step: Step, { exitCode, said }: Refusal): string {
  const reason = lastWordsOf(said);
  return step.kind === "write-file"
    ? describeRefusal(step, exitCode, reason)
    : describeExit(step, exitCode, reason);
}

/** Of the tasks that were looked at already, and of which it is known that they have something to do. */
async function trialsAhead(context: HostContext): Promise<StepQuestion[]> {
  const { session } = context;
  const trials: StepQuestion[] = [];
  for (const prepared of context.prepared.values()) {
    if (!prepared.modes.checkMode || !isAllKnown(session, prepared)) continue;
    const change = changeOf(context, prepared);
    if (change === undefined || change.action === "run") continue;
    const steps = stepsOf(context, session, prepared, change);
    trials.push(...(await trialsOf(context, session, prepared, steps)));
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
  { user, environment }: Prepared,
  steps: readonly Step[],
): Promise<StepQuestion[]> {
  const found = steps.map(async (step): Promise<StepQuestion[]> => {
    const as = session.shellUser(step.kind === "controller" ? "task" : (step.as ?? "task"), user);
    const own = step.kind === "script" ? step.environment : undefined;
    const trials = step.kind === "write-file" ? trialsOfWrite(context, step) : (step.trials ?? []);
    return Promise.all(
      trials.map(async (one) => {
        const whole = { ...one, environment: { ...environment, ...own } };
        return {
          step,
          as,
          trial: whole,
          mayBeMade: one.mayBeMade === true,
          question: await questionOf(whole, as),
        };
      }),
    );
  });
  return (await Promise.all(found)).flat();
}

/** @returns undefined where what it looks at is too large to travel with it. */
async function questionOf(
  { content, ...rest }: StepTrial,
  as: ShellUser,
): Promise<AddressedQuery | undefined> {
  if (content === undefined) return { query: trial(rest), as };
  if (contentSize(content) > LARGEST_INLINE_BYTES) return undefined;
  return { query: trial({ ...rest, stdin: await contentBytes(content) }), as };
}

function trialsOfWrite({ secrets }: HostContext, step: WriteFileStep): StepTrial[] {
  const secret = isPrivate(step.content, (text) => secrets.appearsIn(text));
  const script = tryFileScript(step, secret);
  if (script === undefined) return [];
  return [{ script, ...(step.validate === undefined ? {} : { content: step.content }) }];
}
