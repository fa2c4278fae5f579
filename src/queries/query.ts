import { rawShell, type ShellText } from "../shell/shell-text.ts";
import type { PackageList } from "./package-list.ts";

/** An answer, or why it could not be found out. "Could not find out" is never "absent". */
export type Answered<Answer> = { known: true; answer: Answer } | { known: false; reason: string };

/** What the bulk command of a query kind printed. */
export interface QueryOutput {
  stdout: Buffer;
  stderr: string;
  exitCode: number;
}

/**
 * A kind of question: one command answers any number of keys at once. Both functions are pure; `script` must not change
 * anything on the host.
 */
export interface QueryKind<Key, Answer> {
  /** Shown in errors, such as "path-state". */
  readonly name: string;
  /** Fields of an answer that change by themselves, such as the host's clock: a plan holds whatever they are by now. */
  restless?(answer: Answer): readonly string[];
  /** The paths on which the answer depends, and on nothing else that a change of files may change; undefined where that can't be said. */
  paths?(key: Key): readonly string[] | undefined;
  /** Two keys with the same identity are the same question. */
  identify(key: Key): string;
  /** Shell text (and standard input, for more keys than argv holds) that answers all the keys. */
  script(keys: readonly Key[]): { script: ShellText; stdin?: Uint8Array };
  /**
   * What the list of packages that comes with the facts says already, so that nobody need be asked; undefined where it does not say.
   */
  fromPackages?(key: Key, packages: PackageList): Answer | undefined;
  /**
   * Shell text that prints the same as long as the answers are the same, at little cost: it is run between two changes that are made in one trip, to make sure that the first has not moved what
   * the second was decided from. It may print other things for the same answers, never the same for others. undefined: these keys can't be asked in between.
   */
  recheck?(keys: readonly Key[]): ShellText | undefined;
  /** One answer a key, in the order of the keys. What the output does not say is not known: never a default. */
  parse(output: QueryOutput, keys: readonly Key[]): readonly Answered<Answer>[];
}

/** Who asks: the user the task acts as, the user who logged in, or one by name (through become). */
export type RunAs = "task" | "login" | { user: string };

/** A question about a host. */
export interface Query<Answer> {
  readonly kind: QueryKind<unknown, Answer>;
  readonly key: unknown;
  readonly as: RunAs;
}

export type QueryMap = Readonly<Record<string, Query<unknown>>>;

export type AnswerOf<Q> = Q extends Query<infer Answer> ? Answer : never;

/** Answers under the names that the module gave its queries. */
export type AnswersOf<Queries extends QueryMap> = {
  readonly [Name in keyof Queries]: AnswerOf<Queries[Name]>;
};

/**
 * Declares a kind of question. The function it returns makes one such question.
 *
 * @example const pathState = defineQuery({ name: "path-state", ... }); queries: (want) => ({ at: pathState(want.path) })
 */
export function defineQuery<Key, Answer>(kind: QueryKind<Key, Answer>): QueryConstructor<Key, Answer> {
  const construct = (key: Key, as: RunAs = "task"): Query<Answer> => ({
    kind: kind as QueryKind<unknown, Answer>,
    key,
    as,
  });
  return Object.assign(construct, { kind });
}

/** An answer without what changes by itself. */
export function lastingPart<Answer>(kind: QueryKind<unknown, Answer>, answer: Answer): unknown {
  if (typeof answer !== "object" || answer === null) return answer;
  const restless = kind.restless?.(answer);
  if (restless === undefined) return answer;
  return Object.fromEntries(Object.entries(answer).filter(([field]) => !restless.includes(field)));
}

export interface QueryConstructor<Key, Answer> {
  (key: Key, as?: RunAs): Query<Answer>;
  readonly kind: QueryKind<Key, Answer>;
}

/** A `recheck` for kinds of which most questions ask nothing: those that do can't be asked in between. */
export function nothingAsked(keys: readonly unknown[]): ShellText | undefined {
  return keys.every((key) => key === undefined) ? rawShell(":") : undefined;
}

export function known<Answer>(answer: Answer): Answered<Answer> {
  return { known: true, answer };
}

export function notKnown(reason: string): { known: false; reason: string } {
  return { known: false, reason };
}
