import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { describeTemplated } from "./entries.ts";

/** What `meta:` can do: all that Ansible's can. */
export const META_ACTIONS = [
  "clear_facts",
  "clear_host_errors",
  "end_batch",
  "end_host",
  "end_play",
  "end_role",
  "flush_handlers",
  "noop",
  "refresh_inventory",
  "reset_connection",
] as const;

export type MetaAction = (typeof META_ACTIONS)[number];

/**
 * The parameters of a `meta:` task: the action, under `_raw_params`.
 *
 * @throws DiagnosticsError invalid-parameter
 */
export function metaParameters(value: Templated, fallback: SourceRange): TemplatedEntry[] {
  const at = value.at ?? fallback;
  const written = literalOf(value);
  const action = META_ACTIONS.find((one) => one === written);
  if (action === undefined) {
    const meant = typeof written === "string" ? didYouMean(written, META_ACTIONS) : undefined;
    const shown = typeof written === "string" ? `\`${written}\`` : describeTemplated(value);
    throw inputError("invalid-parameter", `\`meta\` can't do ${shown}`, {
      at,
      expected: META_ACTIONS.join(", "),
      ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
    });
  }
  return [{ key: "_raw_params", value: { kind: "literal", value: action, at } }];
}
