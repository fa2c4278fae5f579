import { type Diagnostic, DiagnosticsError, diagnosticSummary } from "./diagnostic.ts";

/**
 * Does something with each item, one after the other. What is wrong with one does not hide what is wrong with the next.
 *
 * @returns what each came to.
 * @throws DiagnosticsError with the findings of all of them, each once.
 */
export async function withAllProblems<Item, Result>(
  items: Iterable<Item>,
  act: (item: Item) => Promise<Result> | Result,
): Promise<Result[]> {
  const results: Result[] = [];
  const problems = await problemsIn(items, async (item) => {
    results.push(await act(item));
  });
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return results;
}

/** The same, where what is wrong is gathered with more. */
export async function problemsIn<Item>(
  items: Iterable<Item>,
  act: (item: Item) => Promise<void>,
): Promise<Diagnostic[]> {
  const problems = new Map<string, Diagnostic>();
  for (const item of items) {
    try {
      await act(item);
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      for (const diagnostic of error.diagnostics) problems.set(diagnosticSummary(diagnostic), diagnostic);
    }
  }
  return [...problems.values()];
}
