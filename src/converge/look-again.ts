import { isDeepStrictEqual } from "node:util";
import type { Answered } from "../queries/query.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { ExecResult, ShellUser } from "../transport/transport.ts";
import type { AddressedQuery } from "./answers.ts";
import { bulksOf, readAnswers } from "./ask.ts";
import type { Prepared } from "./prepare.ts";

/** The questions of a pass, asked inside of a script that makes changes. */

/** Whether a pass can be looked at between two changes of one script: by the same user, at little cost, and so that it is certain whether anything has moved. */
export function canBeLookedAt({ queries }: Prepared, as: ShellUser): boolean {
  const questions = [...queries.values()];
  return (
    questions.every((question) => isDeepStrictEqual(question.as, as)) &&
    bulksOf(questions).every(({ kind, questions: own }) => {
      const keys = own.map(({ query }) => query.key);
      return kind.recheck?.(keys) !== undefined && kind.script(keys).stdin === undefined;
    })
  );
}

/** Shell text that prints the same as long as all the answers are the same; and never the same where that can't be found out. */
export function basisScript(questions: readonly AddressedQuery[]): ShellText {
  return shellLines(
    ...bulksOf(questions).map(({ kind, questions: own }) => {
      const text = kind.recheck?.(own.map(({ query }) => query.key));
      if (text === undefined) throw new Error(`query ${kind.name} can't be asked between two changes`);
      return sh`( ${text}\n) </dev/null 2>/dev/null || cat /proc/sys/kernel/random/uuid`;
    }),
  );
}

/** Shell texts that ask all the questions: one a kind. */
export function lookScripts(questions: readonly AddressedQuery[]): ShellText[] {
  return bulksOf(questions).map(({ kind, questions: own }) =>
    shellLines(
      // Some questions need no look at the host, and a shell takes no empty pair of parentheses.
      rawShell("( :"),
      kind.script(own.map(({ query }) => query.key)).script,
      rawShell(") </dev/null"),
    ),
  );
}

/** The answers that were printed. @param results of `lookScripts`, in order. */
export function readLooks(
  queries: Prepared["queries"],
  results: readonly ExecResult[],
): Map<string, Answered<unknown>> {
  const byQuestion = new Map<AddressedQuery, Answered<unknown>>();
  for (const [index, bulk] of bulksOf([...queries.values()]).entries()) {
    const result = results[index];
    if (result === undefined) continue;
    const answers = readAnswers(bulk, result);
    for (const [at, question] of bulk.questions.entries()) {
      const answer = answers[at];
      if (answer !== undefined) byQuestion.set(question, answer);
    }
  }
  return new Map(
    [...queries].flatMap(([name, question]) => {
      const answer = byQuestion.get(question);
      return answer === undefined ? [] : [[name, answer] as const];
    }),
  );
}
