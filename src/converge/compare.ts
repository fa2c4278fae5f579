import type { Change, NeededChange } from "../modules/change.ts";
import { ModuleFailure } from "../modules/module.ts";
import type { Answered } from "../queries/query.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import { type Prepared, situation } from "./prepare.ts";

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

/** Whether all answers are there that a pass is judged by. */
export function isAllKnown(session: HostSession, { queries }: Prepared): boolean {
  return [...queries.values()].every((question) => session.answers.has(question));
}

/** @param given answers of another time than now. @throws NotKnown, ModuleFailure */
export function compare(
  context: HostContext,
  session: HostSession,
  prepared: Prepared,
  afterSteps = false,
  given?: ReadonlyMap<string, Answered<unknown>>,
): Change {
  const answers: Record<string, unknown> = {};
  for (const [name, question] of prepared.queries) {
    const answered = given?.get(name) ?? session.answers.get(question);
    if (answered === undefined) throw new Error(`query ${question.query.kind.name} was not asked`);
    if (!answered.known) throw new NotKnown(answered.reason);
    answers[name] = answered.answer;
  }
  return prepared.module.diff(prepared.input, answers, {
    ...situation(context, session, prepared.modes),
    afterSteps,
  });
}

/** Makes sure that a change has come to what was wanted. @throws BrokenPromise, NotKnown, ModuleFailure */
export function audit(
  context: HostContext,
  session: HostSession,
  prepared: Prepared,
  given?: ReadonlyMap<string, Answered<unknown>>,
): void {
  let after: Change;
  try {
    after = compare(context, session, prepared, true, given);
  } catch (error) {
    if (!(error instanceof ModuleFailure)) throw error;
    throw new ModuleFailure(
      `after its change the module \`${prepared.module.name}\` says: ${error.message}`,
      { cause: error },
    );
  }
  if (after.action !== "none") throw new BrokenPromise(prepared.module.name, after);
}
