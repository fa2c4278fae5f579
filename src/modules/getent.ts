import { z } from "zod";
import { getentEntries } from "../queries/getent-entries.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import { defineModule, ModuleFailure } from "./module.ts";

const params = z.strictObject({
  database: z
    .string()
    .regex(/^[a-z]+$/, { error: "must be the name of a database, such as passwd, group, hosts or services" })
    .refine((name) => name !== "shadow" && name !== "gshadow", {
      error: "can't be read: password hashes would get into variables and logs",
    })
    .describe("The name service database: passwd, group, hosts, services and others."),
  key: z.string().min(1).optional().describe("One entry; without it, all that can be listed."),
  split: z
    .string()
    .min(1)
    .optional()
    .describe("What stands between fields. Without it a colon for passwd and group, else blanks."),
  service: z
    .string()
    .regex(/^[a-z]+$/, { error: "must be the name of a service of nsswitch.conf, such as files or dns" })
    .optional()
    .describe("Ask this source alone, such as `files`."),
  fail_key: z.boolean().default(true).describe("Fail when there is no such `key`."),
});

type Params = z.infer<typeof params>;

export const getent = defineModule<Params, { entries: ReturnType<typeof getentEntries> }, ValueMap>({
  name: "getent",
  summary: "Looks up users, groups, hosts and the like, as `ansible_facts.getent_DATABASE`",
  params,
  inCheckMode: "run",
  examples: [
    {
      title: "A user's home directory",
      yaml: "- getent:\n    database: passwd\n    key: postgres\n- debug:\n    msg: !expr ansible_facts.getent_passwd['postgres'][4]\n",
    },
    {
      title: "Whether a service has a number",
      yaml: "- getent:\n    database: services\n    key: pgbouncer\n    fail_key: false\n",
    },
  ],
  returns: {
    ansible_facts:
      "`getent_DATABASE`: by key (the first field) the list of the other fields; nothing (null) for a key that is not there.",
  },
  queries: ({ database, key, service }) => ({
    entries: getentEntries({
      database,
      ...(key === undefined ? {} : { key }),
      ...(service === undefined ? {} : { service }),
    }),
  }),
  diff: (want, { entries }, { changesPending }) => {
    if (!entries.found && want.fail_key && !changesPending)
      throw new ModuleFailure(`there is no ${want.key ?? "entry"} in ${want.database}`, {
        hint: "`fail_key: false` takes that for an answer",
      });
    const found = entries.found ? fieldsByKey(want, entries.lines) : { [want.key ?? ""]: null };
    return {
      action: "run",
      summary: entries.found
        ? `found ${Object.keys(found).length} in ${want.database}`
        : `${want.key ?? "nothing"} is not in ${want.database}`,
      differences: [],
      detail: { [`getent_${want.database}`]: found },
    };
  },
  steps: () => [],
  result: (_want, _outputs, { detail, summary }) => ({
    changed: false,
    message: summary,
    gathered: detail,
    data: { ansible_facts: detail },
  }),
});

/** A key that comes twice (ahosts) keeps its first entry, as it counts for the host. */
function fieldsByKey({ database, split }: Params, lines: readonly string[]): ValueMap {
  const separator = split ?? (["passwd", "group"].includes(database) ? ":" : /\s+/);
  const found: Record<string, Value> = {};
  for (const line of lines) {
    const [key = "", ...fields] = line.trimEnd().split(separator);
    if (!Object.hasOwn(found, key)) found[key] = fields;
  }
  return found;
}
