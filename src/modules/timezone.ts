import { z } from "zod";
import { type PathState, pathState } from "../queries/path-state.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";

const params = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/, {
      error: "must be the name of a time zone, such as Europe/Berlin or UTC",
    })
    .describe("The time zone, as it is called below /usr/share/zoneinfo."),
});

type Params = z.infer<typeof params>;

const ZONES = "/usr/share/zoneinfo";
const LOCALTIME = "/etc/localtime";
/** Debian 12 has the name in a file as well; Debian 13 has no such file any more. */
const NAME_FILE = "/etc/timezone";

export const timezone = defineModule<
  Params,
  {
    zone: ReturnType<typeof pathState>;
    localtime: ReturnType<typeof pathState>;
    file: ReturnType<typeof pathState>;
  },
  { file: boolean }
>({
  name: "timezone",
  summary: "The host's time zone",
  description:
    "Sets the link /etc/localtime, and /etc/timezone where the host has one. Programs that run already keep the zone that they started with: notify a handler that restarts what shall follow. There is no `state: absent`: a host has always a zone.",
  params,
  examples: [
    { title: "Universal time", yaml: "- timezone:\n    name: Etc/UTC\n" },
    {
      title: "Local time, for programs that have to be started anew",
      yaml: "- timezone:\n    name: Europe/Berlin\n  notify: restart cron\n",
    },
  ],
  returns: { timezone: "The zone." },
  queries: ({ name }) => ({
    zone: pathState({ path: `${ZONES}/${name}` }),
    localtime: pathState({ path: LOCALTIME }),
    file: pathState({ path: NAME_FILE, content: true }),
  }),
  diff: ({ name }, { zone, localtime, file }, { changesPending }) => {
    if (zone.type !== "file" && zone.type !== "link" && !changesPending)
      throw new ModuleFailure(`the host knows no time zone ${name}`, {
        hint: "names are those below /usr/share/zoneinfo (package tzdata; older names are in tzdata-legacy)",
      });
    const differences: Difference[] = [];
    const linked = zoneOf(localtime);
    if (linked !== name)
      differences.push({ kind: "field", name: LOCALTIME, before: linked ?? localtime.type, after: name });
    const written = file.type === "absent" ? name : textOf(file);
    if (written !== name) differences.push({ kind: "field", name: NAME_FILE, before: written, after: name });
    if (differences.length === 0)
      return { action: "none", reason: `the time zone is ${name}`, data: { timezone: name } };
    return {
      action: "update",
      summary: `set the time zone to ${name}`,
      differences,
      detail: { file: written !== name },
      data: { timezone: name },
    };
  },
  touches: () => pathsTouched(LOCALTIME, NAME_FILE),
  steps: ({ summary, detail }, { name }): Step[] => [
    {
      kind: "script",
      title: summary,
      script: shellLines(
        rawShell("set -e"),
        sh`ln -sfn -- ${`${ZONES}/${name}`} ${`${LOCALTIME}.plumb-new`}`,
        sh`mv -fT -- ${`${LOCALTIME}.plumb-new`} ${LOCALTIME}`,
      ),
    },
    ...(detail.file
      ? [
          {
            kind: "write-file" as const,
            title: `write ${NAME_FILE}`,
            path: NAME_FILE,
            content: { kind: "bytes" as const, bytes: Buffer.from(`${name}\n`) },
          },
        ]
      : []),
  ],
});

/** undefined: no link into the zones, but a copy or nothing. */
function zoneOf(localtime: PathState): string | undefined {
  if (localtime.type !== "link") return undefined;
  return /(?:^|\/)zoneinfo\/(.+)$/.exec(localtime.target ?? "")?.[1] ?? localtime.target;
}

function textOf(file: PathState): string {
  return file.type === "absent" ? "" : (file.content?.toString().trim() ?? "");
}
