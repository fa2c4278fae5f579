import { z } from "zod";
import { unitName, unitState } from "../queries/unit-state.ts";
import { rawShell, sh } from "../shell/shell-text.ts";
import type { Change, NeededChange } from "./change.ts";
import {
  diffManagedFile,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineLoadingModule, type ParameterFinding } from "./module.ts";
import type { ScriptStep } from "./step.ts";
import { pathsTouched } from "./subject.ts";
import { hardeningSettings } from "./systemd-hardening.ts";
import {
  section,
  sectionsText,
  type UnitSection,
  verifyCommand,
  verifyDropinCommand,
} from "./systemd-unit-text.ts";

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9:_.@\\-]+$/, {
        error: "must be the name of a unit: letters, digits, `:_.@-`; others as systemd-escape writes them",
      })
      .describe("The unit; without an ending, a service."),
    dropin: z
      .string()
      .regex(/^[A-Za-z0-9_.-]+$/, { error: "must be a file name of letters, digits, `_`, `.` and `-`" })
      .optional()
      .describe("Write a drop-in of this name for the unit, instead of the unit itself."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether it should be there."),
    unit: section.default({}).describe("Settings of the section [Unit]."),
    service: section
      .optional()
      .describe("Settings of the section [Service]. A list gives the setting once for each item."),
    socket: section.optional().describe("Settings of the section [Socket]."),
    timer: section.optional().describe("Settings of the section [Timer]."),
    path: section.optional().describe("Settings of the section [Path]."),
    mount: section.optional().describe("Settings of the section [Mount]."),
    install: section.optional().describe("Settings of the section [Install]."),
    hardening: z
      .enum(["none", "default", "strict"])
      .default("none")
      .describe(
        "Restrictions for a service that are filled in where `service` does not say otherwise. `strict` leaves hardly anything but the network.",
      ),
  })
  .refine((all) => all.state === "absent" || all.dropin !== undefined || hasOwnSection(all), {
    error: "a unit needs a section: service, socket, timer, path or mount",
    path: ["service"],
  })
  .refine(
    (all) =>
      all.state === "absent" ||
      all.dropin === undefined ||
      hasOwnSection(all) ||
      all.install !== undefined ||
      Object.keys(all.unit).length > 0,
    {
      error: "a drop-in needs a section: unit, service, socket, timer, path, mount or install",
      path: ["dropin"],
    },
  );

type Sections = { [Name in "service" | "socket" | "timer" | "path" | "mount"]?: UnitSection | undefined };

const hasOwnSection = ({ service, socket, timer, path, mount }: Sections): boolean =>
  (service ?? socket ?? timer ?? path ?? mount) !== undefined;

/**
 * With RemoveIPC (and DynamicUser, which implies it) systemd deletes all shared memory of the service's user when the service stops, and that of the user whom an older
 * unit of that name ran as: a PostgreSQL on the host then fails until it is restarted. Seen on Debian 12 and 13.
 */
const safeParams = params.superRefine((all, context) => {
  for (const name of ["RemoveIPC", "DynamicUser"]) {
    const value = all.service?.[name];
    if (value === undefined || /^(no|false|off|0)$/i.test(String(value))) continue;
    const user = String(all.service?.["User"] ?? "");
    if (!/^(postgres|pgbouncer)$/.test(user)) continue;
    context.addIssue({
      code: "custom",
      message: `would delete the shared memory of PostgreSQL when a service of the user ${user} stops`,
      path: ["service", name],
    });
  }
});

type Params = z.infer<typeof params>;

interface Unit {
  want: Params;
  name: string;
  file: ManagedFile;
}

/** A run before this one came to its end between the file and systemd. */
function readAnew(name: string): NeededChange<undefined> {
  return {
    action: "update",
    summary: `have systemd read ${name} anew`,
    differences: [{ kind: "field", name: "read by systemd", before: "an older version", after: "this one" }],
    detail: undefined,
  };
}

/** An earlier task of a run in check mode may bring it, and then nothing is said. */
function ofUnknownUnit(name: string): ParameterFinding {
  return {
    path: ["name"],
    message: `systemd does not know ${name}: \`systemd-analyze verify\` can tell of the drop-in's own settings only, not whether the unit works with them`,
    hint: "bring the unit first, by its package or by `systemd_unit` without `dropin`",
  };
}

export const systemdUnit = defineLoadingModule<
  Params,
  Unit,
  { at: ReturnType<typeof managedFileQuery>; unit: ReturnType<typeof unitState> },
  { rewrite: boolean; attributes: boolean } | undefined
>({
  name: "systemd_unit",
  summary: "A systemd unit or drop-in from settings, with hardening presets",
  description:
    "The unit is checked with `systemd-analyze verify` before it is put in place: a setting that systemd does not know is an error, and the old unit stays. A drop-in is checked together with the unit that it belongs to; where systemd does not know that unit, only the drop-in's own settings are, and a warning says so. systemd then reads its units anew.",
  params: safeParams,
  examples: [
    {
      title: "A service that may do hardly anything",
      yaml: "- systemd_unit:\n    name: echo\n    hardening: strict\n    unit: {Description: An echo service}\n    service: {ExecStart: /usr/bin/cat, User: daemon, Restart: on-failure}\n    install: {WantedBy: multi-user.target}\n",
    },
    {
      title: "One setting of somebody else's unit",
      yaml: "- systemd_unit:\n    name: nginx\n    dropin: limits.conf\n    service: {LimitNOFILE: 65536}\n",
    },
    {
      title: "Stopped, and gone",
      yaml: "- systemd_unit:\n    name: echo\n    state: absent\n",
    },
  ],
  returns: {
    dest: "Path of the unit's file.",
    checksum: "SHA-256 of its content.",
    exposure_before: "With a hardening preset: what `systemd-analyze security` gave before, 10 being worst.",
    exposure_after: "The same afterwards.",
  },
  load: async (want) => {
    const name = unitName(want.name);
    const path =
      want.dropin === undefined
        ? `/etc/systemd/system/${name}`
        : `/etc/systemd/system/${name}.d/${want.dropin.replace(/\.conf$/, "")}.conf`;
    return {
      want,
      name,
      file: {
        path,
        content: textContent(unitText(want)),
        owner: "root",
        group: "root",
        mode: "0644",
        validate:
          want.dropin === undefined
            ? verifyCommand(name)
            : verifyDropinCommand(name, path.slice(path.lastIndexOf("/") + 1)),
        validateTitle: "systemd-analyze verify",
      },
    };
  },
  queries: ({ file, name }, situation) => ({
    at: managedFileQuery(file.path, false, situation),
    unit: unitState(name),
  }),
  diff: (
    { want, file, name },
    { at, unit },
    { changesPending },
  ): Change<{ rewrite: boolean; attributes: boolean } | undefined> => {
    if (want.state === "absent") {
      if (at.type === "absent")
        return unit.needsDaemonReload && unit.fragmentPath === file.path
          ? readAnew(name)
          : { action: "none", reason: `${file.path} is not there` };
      return {
        action: "delete",
        summary: `remove ${file.path}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: undefined,
      };
    }
    const change = diffManagedFile(file, at, "made by the module");
    if (change.action !== "none")
      return want.dropin !== undefined && unit.load === "not-found" && !changesPending
        ? { ...change, warnings: [ofUnknownUnit(name)] }
        : change;
    return unit.needsDaemonReload ? readAnew(name) : change;
  },
  steps: (change, { want, file, name }) => {
    const reload = {
      kind: "script" as const,
      title: "have systemd read its units",
      script: rawShell("systemctl daemon-reload"),
      touches: [],
    };
    if (change.action === "delete")
      return [
        {
          kind: "script",
          title: change.summary,
          script: sh`rm -f -- ${file.path}`,
          touches: pathsTouched(file.path),
        },
        reload,
      ];
    if (change.detail === undefined) return [reload];
    const folder = file.path.replace(/\/[^/]*$/, "");
    const measured = want.hardening === "none" ? [] : [exposureStep(name)];
    return [
      ...measured,
      {
        kind: "script",
        title: `make ${folder}`,
        script: sh`mkdir -p -- ${folder}`,
        touches: want.dropin === undefined ? [] : pathsTouched(folder),
      },
      ...managedFileSteps(file, change.detail),
      reload,
      ...measured,
    ];
  },
  result: ({ file, want }, outputs, change) => {
    const exposures = outputs
      .filter(({ title }) => title === EXPOSURE)
      .map(({ exec }) => /([\d.]+) \S+/.exec(exec?.stdout.toString() ?? "")?.[1] ?? "none");
    const [before, after] = exposures;
    const data = { dest: file.path };
    if (want.hardening === "none" || before === undefined || after === undefined)
      return { changed: true, data };
    return {
      changed: true,
      message: `${change.summary} (exposure ${before} before, ${after} now)`,
      data: { ...data, exposure_before: before, exposure_after: after },
    };
  },
});

const EXPOSURE = "measure the exposure";

/** Of a unit that is not there yet nothing can be said. */
function exposureStep(name: string): ScriptStep {
  return {
    kind: "script",
    title: EXPOSURE,
    script: sh`systemd-analyze security --no-pager -- ${name} 2>/dev/null | sed -n 's/.*exposure level for [^:]*: //p'`,
    touches: [],
  };
}

function unitText(want: Params): string {
  const service =
    want.service === undefined ? undefined : { ...hardeningSettings(want.hardening), ...want.service };
  return sectionsText([
    ["Unit", Object.keys(want.unit).length === 0 ? undefined : want.unit],
    ["Service", service as UnitSection | undefined],
    ["Socket", want.socket],
    ["Timer", want.timer],
    ["Path", want.path],
    ["Mount", want.mount],
    ["Install", want.install],
  ]);
}
