import { z } from "zod";
import { pgbouncerInstances as instanceTraces } from "../queries/pgbouncer-instances.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineModule } from "./module.ts";

const params = z.strictObject({
  count: z
    .number()
    .int()
    .min(0)
    .max(64)
    .describe("How many instances the host should have: pgbouncer, pgbouncer-2, and so on."),
  stop_timeout: z
    .number()
    .int()
    .min(1)
    .default(90)
    .describe("Seconds to wait for the transactions of an instance that is stopped."),
});

export const pgbouncerInstances = defineModule<
  z.infer<typeof params>,
  { traces: ReturnType<typeof instanceTraces> },
  { name: string; paths: readonly string[] }[]
>({
  name: "pgbouncer_instances",
  summary: "No more instances of PgBouncer on a host than it should have",
  description:
    "Stops the numbered instances (pgbouncer-2, pgbouncer-3, …) above the wanted number and removes what belongs to them: unit, drop-ins, configuration, socket and log folders. An instance that is stopped finishes the transactions under way. Making instances is the role's part.",
  params,
  examples: [
    { title: "One is enough again", yaml: "- pgbouncer_instances:\n    count: 1\n" },
    {
      title: "As many as the inventory says",
      yaml: '- pgbouncer_instances:\n    count: "{{ pgbouncer_instances }}"\n',
    },
  ],
  queries: () => ({ traces: instanceTraces("own") }),
  diff: ({ count }, { traces }) => {
    const tooMany = [...traces]
      .filter(([name]) => Number(name.slice("pgbouncer-".length)) > count)
      .map(([name, paths]) => ({ name, paths }));
    if (tooMany.length === 0) return { action: "none", reason: `there are no more instances than ${count}` };
    return {
      action: "delete",
      summary: `remove ${tooMany.map(({ name }) => name).join(", ")}`,
      differences: tooMany.map(({ name, paths }) => ({
        kind: "field",
        name,
        before: paths.join(" "),
        after: "absent",
      })),
      detail: tooMany,
    };
  },
  steps: (change, { stop_timeout }) =>
    change.detail.map(({ name, paths }) => ({
      kind: "script",
      title: `stop and remove ${name}`,
      timeoutMs: (stop_timeout + 30) * 1000,
      script: shellLines(
        rawShell("set -e"),
        sh`unit=${`${name}.service`}`,
        rawShell(
          'if [ "$(systemctl show -p LoadState --value "$unit")" = loaded ]; then systemctl disable --now --quiet "$unit"; fi',
        ),
        sh`rm -rf -- ${paths}`,
        rawShell('systemctl daemon-reload; systemctl reset-failed "$unit" 2>/dev/null || true'),
      ),
    })),
});
