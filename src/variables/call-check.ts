import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { functionsByName } from "./functions/library.ts";
import { lookupHint } from "./jinja-habits.ts";

/** What is wrong with a call, without where it stands. */
export interface CallProblem {
  code: "unknown-function" | "function-arguments";
  message: string;
  hint?: string;
}

/**
 * What is wrong with a call of a function of the library.
 *
 * @param besides names that the language itself knows.
 * @param named arguments that are given by name.
 */
export function checkCall(
  name: string,
  { count, named = [], besides }: { count: number; named?: readonly string[]; besides: Iterable<string> },
): CallProblem | undefined {
  const known = functionsByName.get(name);
  if (known === undefined) return unknownFunction(name, besides);
  const parameters = known.parameters.map((one) => one.replace(/\?$/, ""));
  const signature = `${name}(${known.parameters.join(", ")})`;
  const strange = named.find((one) => parameters.indexOf(one) < count);
  if (strange !== undefined) {
    const meant = didYouMean(strange, parameters.slice(count));
    return {
      code: "function-arguments",
      message: parameters.includes(strange)
        ? `\`${name}\` is given \`${strange}\` twice`
        : `\`${name}\` has no argument \`${strange}\``,
      hint: meant === undefined ? `it is ${signature}` : `did you mean \`${meant}\`?`,
    };
  }
  const missing = known.parameters.findIndex(
    (one, index) => index >= count && !one.endsWith("?") && !named.includes(one),
  );
  if (missing === -1 && count <= parameters.length) return undefined;
  return {
    code: "function-arguments",
    message:
      missing === -1
        ? `\`${name}\` takes at most ${parameters.length} arguments, and this gives ${count}`
        : `\`${name}\` needs \`${parameters[missing]}\``,
    hint: `it is ${signature}: ${known.summary}`,
  };
}

/** The finding for a function that there is not. */
export function unknownFunction(name: string, besides: Iterable<string>): CallProblem {
  const meant = didYouMean(name, [...functionsByName.keys(), ...besides]);
  const hint =
    name === "lookup" || name === "query" || name === "q"
      ? 'a lookup is a function of its own here: env("HOME"), read_file("a.txt"), pipe("date"), password_file("secrets/a")'
      : meant === undefined
        ? "docs/templates-and-expressions.md lists the functions"
        : `did you mean \`${meant}\`?`;
  return { code: "unknown-function", message: `there is no function \`${name}\``, hint };
}

/** The same for a call whose text is at hand. */
export function unknownFunctionIn(source: string, name: string, besides: Iterable<string>): CallProblem {
  const problem = unknownFunction(name, besides);
  const hint = lookupHint(source);
  return hint === undefined || !["lookup", "query", "q"].includes(name) ? problem : { ...problem, hint };
}
