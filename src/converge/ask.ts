import { type Answered, known, notKnown, type QueryKind } from "../queries/query.ts";
import { refusedProgram } from "../shell/refused-programs.ts";
import type { ShellText } from "../shell/shell-text.ts";
import { present } from "../transport/present.ts";
import { type ExecResult, type ShellUser, TransportError } from "../transport/transport.ts";
import { type AddressedQuery, type Answers, describeShellUser, identify } from "./answers.ts";
import type { HostSession, RunOptions } from "./host-session.ts";
import { describeEnd } from "./script-end.ts";

/** The questions of one kind for one shell: one bulk command. */
export interface Bulk {
  kind: QueryKind<unknown, unknown>;
  as: ShellUser;
  questions: AddressedQuery[];
}

/** Queries only read; what takes longer than this hangs. */
export const QUERY_TIMEOUT_MS = 120_000;

/**
 * Asks everything that is not known yet, in bulk: one command a kind, all sent without waiting, so that they cost one round trip.
 * The answers are in `session.answers` when the promise is fulfilled, unless somebody has changed the host meanwhile.
 *
 * @throws TransportError when the link or a shell can't be had. A command that failed makes its answers "not known".
 */
export async function ask(
  session: HostSession,
  questions: readonly AddressedQuery[],
  signal?: AbortSignal,
): Promise<void> {
  const told = questions.filter(({ query }) => query.kind.fromPackages !== undefined);
  const others = told.length === 0 ? questions : questions.filter((question) => !told.includes(question));
  await Promise.all([askAll(session, others, signal), askWhatIsNotListed(session, told, signal)]);
}

async function askAll(
  session: HostSession,
  questions: readonly AddressedQuery[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const bulks = collect(session.answers, questions);
  const { answers } = session;
  const beside = { answers, timeoutMs: QUERY_TIMEOUT_MS, besideOthers: true, ...present("signal", signal) };
  await Promise.all(bulks.map((bulk) => askBulk(session, bulk, beside)));
}

/** The facts come with a list of all packages: what it says is not asked for once more. */
async function askWhatIsNotListed(
  session: HostSession,
  questions: readonly AddressedQuery[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (questions.every((question) => session.answers.has(question))) return;
  const packages = await session.packages();
  for (const question of questions) {
    const { kind, key } = question.query;
    const answer = packages === undefined ? undefined : kind.fromPackages?.(key, packages);
    if (answer !== undefined && !session.answers.has(question)) session.answers.set(question, known(answer));
  }
  await askAll(session, questions, signal);
}

function collect(answers: Answers, questions: readonly AddressedQuery[]): Bulk[] {
  const seen = new Set<string>();
  return bulksOf(
    questions.filter((question) => {
      const identity = identify(question);
      if (seen.has(identity) || answers.has(question)) return false;
      seen.add(identity);
      return true;
    }),
  );
}

/** Questions by kind and by who asks. */
export function bulksOf(questions: readonly AddressedQuery[]): Bulk[] {
  const bulks = new Map<string, Bulk>();
  for (const question of questions) {
    const key = `${question.query.kind.name}\0${describeShellUser(question.as)}`;
    const bulk = bulks.get(key);
    if (bulk === undefined)
      bulks.set(key, { kind: question.query.kind, as: question.as, questions: [question] });
    else bulk.questions.push(question);
  }
  return [...bulks.values()];
}

interface AskOptions extends Pick<RunOptions, "timeoutMs" | "besideOthers" | "signal"> {
  /** Where the answers go. */
  answers: Answers;
}

/** Of several questions, one with a secret in a path may be beyond answering: then each is asked by itself. */
export async function askBulk(session: HostSession, bulk: Bulk, options: AskOptions): Promise<void> {
  const { answers: into, ...how } = options;
  const keys = bulk.questions.map(({ query }) => query.key);
  const { script, stdin } = bulk.kind.script(keys);
  const { age } = into;
  const result = isNothing(script, stdin)
    ? NOTHING_SAID
    : await session
        .run(script, bulk.as, {
          ...how,
          ...(stdin === undefined ? {} : { stdin }),
        })
        .catch((error: unknown) => unasked(error, keys));
  const refused = "exitCode" in result ? refusedProgram(result.stderr.toString()) : undefined;
  if (refused !== undefined && keys.length > 1) {
    for (const question of bulk.questions)
      await askBulk(session, { ...bulk, questions: [question] }, options);
    return;
  }
  const answers =
    refused !== undefined
      ? [notKnown(`query ${bulk.kind.name}: ${refused}`)]
      : "exitCode" in result
        ? readAnswers(bulk, result)
        : result;
  // Another host has changed this one meanwhile: whoever needs the answers asks again.
  if (age !== into.age) return;
  bulk.questions.forEach((question, index) => {
    into.set(question, answers[index] ?? notKnown(`query ${bulk.kind.name}: no answer`));
  });
}

/** Some questions turn out to need no look at the host: a package that nobody has named. A shell would start and end for it all the same. */
function isNothing(script: ShellText, stdin: Uint8Array | undefined): boolean {
  return stdin === undefined && /^\s*(?:exit 0\s*)?$/.test(script.shell);
}

const NOTHING_SAID: ExecResult = {
  exitCode: 0,
  stdout: Buffer.alloc(0),
  stderr: Buffer.alloc(0),
  durationMs: 0,
  timedOut: false,
  aborted: false,
  connectionLost: false,
  truncated: false,
};

/** A user who can't be become may be made by a task that comes first: nothing is known yet, and it will be asked again after that. */
function unasked(error: unknown, keys: readonly unknown[]): readonly Answered<unknown>[] {
  if (!(error instanceof TransportError) || error.code !== "become-failed") throw error;
  return keys.map(() => notKnown(error.message));
}

/** What the bulk command printed, as answers in the order of its questions. */
export function readAnswers(bulk: Bulk, result: ExecResult): readonly Answered<unknown>[] {
  const keys = bulk.questions.map(({ query }) => query.key);
  const stderr = result.stderr.toString();
  if (result.exitCode === undefined || result.truncated) {
    const reason = result.truncated ? "its output is too large" : describeEnd(result);
    return keys.map(() =>
      notKnown(`query ${bulk.kind.name}: ${reason}${stderr === "" ? "" : `: ${stderr.trim()}`}`),
    );
  }
  return bulk.kind
    .parse({ stdout: result.stdout, stderr, exitCode: result.exitCode }, keys)
    .map((answer) => (answer.known ? answer : notKnown(`query ${bulk.kind.name}: ${answer.reason}`)));
}
