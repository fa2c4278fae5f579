import { z } from "zod";
import { fragments } from "../queries/fragments.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const params = z.strictObject({
  directory: absolutePath
    .default("/etc/pgbouncer/replaced")
    .describe("The folder with a file for each server that was replaced."),
});

/** Which servers were replaced as the primary, as a pooler's host remembers it; playbooks/failover.yml writes it down, a file for each, named after the server. */
export const pgbouncerReplaced = defineModule<
  z.infer<typeof params>,
  { directory: ReturnType<typeof fragments> }
>({
  name: "pgbouncer_replaced",
  summary: "Which PostgreSQL servers were replaced as the primary, as the host of a pooler remembers it",
  description:
    "Reads and changes nothing. A pooler that a failover left out remembers an older one: the newest of all poolers is right, so ask each of them (roles/pgbouncer/tasks/not-replaced.yml does).",
  params,
  examples: [
    {
      title: "What a pooler remembers of failovers",
      yaml: "- pgbouncer_replaced:\n  register: remembered\n- debug:\n    msg: !expr remembered.marks\n",
    },
    {
      title: "Of a folder of one's own",
      yaml: "- pgbouncer_replaced:\n    directory: /srv/pooler/replaced\n  register: remembered\n",
    },
  ],
  returns: {
    marks:
      "For each server that was replaced its address (`server`), that of the server that took its place (`by`), and when (`at`, UTC, as text that can be compared).",
  },
  queries: ({ directory }) => ({ directory: fragments(directory) }),
  diff: ({ directory: at }, { directory: { files } }) => {
    // What begins with a dot is a file that was being written.
    const marks = [...(files ?? [])]
      .filter(([server]) => !server.startsWith("."))
      .map(([server, content]) => ({ server, ...written(`${at}/${server}`, content.toString()) }))
      .sort((one, other) => (one.at < other.at ? -1 : 1));
    const told = marks.map(({ server, by, at: when }) => `${server} by ${by} at ${when}`);
    return {
      action: "none",
      reason: marks.length === 0 ? "no server was replaced" : `replaced: ${told.join(", ")}`,
      data: { marks },
    };
  },
  steps: () => [],
});

/** What cannot be read is not taken for a mark that is not there. @throws ModuleFailure */
function written(file: string, text: string): { by: string; at: string } {
  const [, by] = /^by (\S+)$/m.exec(text) ?? [];
  const [, at] = /^at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)$/m.exec(text) ?? [];
  if (by === undefined || at === undefined)
    throw new ModuleFailure(`${file} does not say by whom the server was replaced, and when`, {
      hint: "playbooks/failover.yml writes a line `by ADDRESS` and one `at 2026-01-31T12:00:00Z`; where the server is the primary again take the file away",
    });
  return { by, at };
}
