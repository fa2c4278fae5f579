import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { describeTemplated } from "./entries.ts";

/** What `meta:` can do (Ansible's `meta`), and what Plumb makes of it. */
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

/** Of these, what Plumb does; the others are refused when the playbook is loaded, with the reason. */
const NOT_YET: Readonly<Partial<Record<MetaAction, string>>> = {
  end_batch: "write `end_play`, or `end_host` with a `when`",
  end_role: "put what follows into a block with a `when`",
  refresh_inventory: "make two runs of it: the inventory is read once, when a run starts",
  reset_connection: "make two runs of it; a user's new groups count in the next one",
};

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
      expected: META_ACTIONS.filter((one) => NOT_YET[one] === undefined).join(", "),
      ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
    });
  }
  const instead = NOT_YET[action];
  if (instead !== undefined) {
    throw inputError("invalid-parameter", `\`meta: ${action}\` is not supported`, { at, hint: instead });
  }
  return [{ key: "_raw_params", value: { kind: "literal", value: action, at } }];
}
