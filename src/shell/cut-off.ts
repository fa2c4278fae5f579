import vm from "node:vm";

/** What has not answered after this long never will: there are patterns that need years for a line of text. */
export const LONGEST_MATCH_MS = 1_000;

interface Guard {
  script: vm.Script;
  /** `call` is filled right before it is run, which nothing else can come between. */
  context: { call: () => unknown };
}

let made: Guard | undefined;

function guard(): Guard {
  made ??= {
    script: new vm.Script("call()"),
    context: vm.createContext({ call: () => undefined }) as Guard["context"],
  };
  return made;
}

/**
 * Runs something that can be cut off, and costs 0.1 ms more for it. A regular expression with repetition inside of repetition can take time without end over text that a
 * host supplied, and nothing else would run meanwhile.
 *
 * @param run pure, and not asynchronous: it may end anywhere.
 * @throws what `tooLong` makes, when it takes more than a second.
 */
export function cutOff<Type>(run: () => Type, tooLong: () => Error): Type {
  const { script, context } = guard();
  context.call = run;
  try {
    return script.runInContext(context as unknown as vm.Context, { timeout: LONGEST_MATCH_MS }) as Type;
  } catch (error) {
    throw isTimeout(error) ? tooLong() : error;
  }
}

/** The error may come from the other context, whose Error is another. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
  );
}
