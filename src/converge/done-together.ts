import type { StepOutput } from "../modules/step.ts";
import type { Answered } from "../queries/query.ts";
import type { PassResult } from "./apply-pass.ts";
import { audit } from "./compare.ts";
import type { DoneAhead, HostContext, PartEnd } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import type { Joined, JoinedPart } from "./join-changes.ts";
import { keeperFor } from "./keeper-for.ts";
import { performInTurn } from "./perform-in-turn.ts";
import { performJoined } from "./perform-joined.ts";
import type { PerformOptions } from "./perform-options.ts";
import type { Prepared } from "./prepare.ts";
import { addSecretsAt } from "./secret-values.ts";

/** The change whose turn it is. */
interface Leading {
  prepared: Prepared;
  options: PerformOptions;
}

/** Changes that are begun together with another one, if there are any. */
export const joinedOrNone = (joined: Joined): Joined | undefined =>
  joined.changes.length === 0 ? undefined : joined;

/**
 * Makes a change together with those that follow it; of these it is kept how they came out, until their turn comes.
 *
 * @param noted handlers that were remembered for these: those of what was not begun are forgotten.
 * @returns what the first has left.
 * @throws as `perform` does, for the first.
 */
export async function performTogether(
  context: HostContext,
  leading: Leading,
  joined: Joined,
  noted: readonly string[],
): Promise<{ outputs: StepOutput[]; answers?: ReadonlyMap<string, Answered<unknown>> }> {
  const { session } = leading.options;
  let begun: readonly JoinedPart[] = [];
  try {
    const ends = await (joined.how === "apart"
      ? apart(context, leading, joined)
      : inTurn(context, leading, joined));
    begun = joined.parts.slice(0, ends.length - 1);
    for (const [index, part] of begun.entries()) {
      const end = ends[index + 1];
      if (end === undefined) continue;
      if (part.kind === "change") context.doneAhead.set(part.key, { ...part, end });
      else if (joined.how === "in turn") context.doneAhead.set(part.key, part);
    }
    const [own] = ends;
    return own?.kind === "done"
      ? { outputs: [...own.outputs], ...(own.answers === undefined ? {} : { answers: own.answers }) }
      : { outputs: [] };
  } finally {
    const needed = new Set(begun.flatMap((part) => (part.kind === "change" ? part.handlers : [])));
    const unneeded = noted.filter((handler) => !needed.has(handler));
    if (unneeded.length > 0 && !session.isLost) await session.handlers.forget(unneeded);
  }
}

/** @returns one end for each part up to the last that was begun, the first change's before them. */
async function apart(context: HostContext, { options }: Leading, joined: Joined): Promise<PartEnd[]> {
  const { session } = options;
  const others = joined.changes.map(({ prepared, change, steps: its, title }) => ({
    steps: its,
    keeper: keeperFor(context, session, prepared, change, its, { title, onlyLooks: false }),
  }));
  const ends: PartEnd[] = (
    await performJoined([{ steps: joined.own, keeper: options.keeper }, ...others], options)
  ).map((end) => (end.kind === "done" ? { kind: "done", outputs: [] } : end));
  const [own, ...rest] = ends;
  return own === undefined ? [] : [own, ...spread(joined.parts, rest)];
}

/** Ends of the changes, and of what stands between them. */
function spread(parts: readonly JoinedPart[], ends: readonly PartEnd[]): PartEnd[] {
  const all: PartEnd[] = [];
  let next = 0;
  for (const part of parts) {
    if (next === ends.length) break;
    const end = part.kind === "nothing" ? undefined : ends[next++];
    all.push(end ?? { kind: "done", outputs: [] });
  }
  return all;
}

async function inTurn(
  context: HostContext,
  { prepared, options }: Leading,
  { own, parts, changes }: Joined,
): Promise<PartEnd[]> {
  const { session } = options;
  const others = parts.map((part) =>
    part.kind === "nothing"
      ? { prepared: part.prepared, steps: [], keeper: undefined }
      : {
          prepared: part.prepared,
          steps: part.steps,
          keeper: keeperFor(context, session, part.prepared, part.change, part.steps, {
            title: part.title,
            onlyLooks: false,
          }),
        },
  );
  const all = [{ prepared, steps: own, keeper: options.keeper }, ...others];
  return performInTurn(all, options, !changes.some(({ isSilent }) => isSilent));
}

/** What was done ahead of its turn, which has come. */
export function takeDoneAhead({ doneAhead }: HostContext, key: string): DoneAhead | undefined {
  const ahead = doneAhead.get(key);
  doneAhead.delete(key);
  return ahead;
}

/** The turn of a change that was made together with one before it: it is made sure of as any other. @throws StepFailure, BrokenPromise, NotKnown, ModuleFailure */
export function wasDone(
  context: HostContext,
  session: HostSession,
  { prepared, change, end }: DoneAhead & { kind: "change" },
): PassResult {
  if (end.kind === "failed") throw end.error;
  audit(context, session, prepared, end.answers);
  const { module, input } = prepared;
  const result = module.result?.(input, end.outputs, change) ?? { changed: true, data: change.data ?? {} };
  addSecretsAt(context.secrets, module.secretReturns, (name) => result.data?.[name]);
  return { kind: "done", change, result };
}

/** What was made together with a change that turned out to be none in the end: nobody shall think that it has not happened. */
export function tellOfUntold({ doneAhead, host, emit }: HostContext): void {
  for (const ahead of doneAhead.values()) {
    if (ahead.kind === "nothing" || ahead.end.kind !== "done") continue;
    const message = `\`${ahead.title}\` was done in one trip with a change before it, and its turn has not come: it is changed, and not told of`;
    emit({ type: "warning", host, message });
  }
  doneAhead.clear();
}
