import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** What is left of instances on a host: units, configurations, socket and log folders, by the instance's name. */
export type InstanceTraces = ReadonlyMap<string, readonly string[]>;

/** Everything on a host that belongs to a numbered instance of PgBouncer (`pgbouncer-2`). */
export const pgbouncerInstances = defineQuery<"own", InstanceTraces>({
  name: "pgbouncer-instances",
  identify: (key) => key,
  script: () => ({
    script: rawShell(
      'for path in /etc/systemd/system/pgbouncer-[0-9]*.service /etc/systemd/system/pgbouncer-[0-9]*.service.d /etc/systemd/system/*.wants/pgbouncer-[0-9]*.service /etc/pgbouncer/pgbouncer-[0-9]*.ini /run/pgbouncer-[0-9]* /var/log/pgbouncer-[0-9]*; do if [ -e "$path" ] || [ -L "$path" ]; then printf \'%s\\n\' "$path"; fi; done; exit 0',
    ),
  }),
  parse: (output) => {
    if (output.exitCode !== 0) return [notKnown(output.stderr.trim() || `exit ${output.exitCode}`)];
    const traces = new Map<string, string[]>();
    for (const path of output.stdout.toString().split("\n").filter(Boolean)) {
      const name = /\/(pgbouncer-\d+)(\.|$)/.exec(path)?.[1];
      if (name !== undefined) traces.set(name, [...(traces.get(name) ?? []), path]);
    }
    return [known(traces)];
  },
});
