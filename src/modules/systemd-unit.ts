import { z } from "zod";
import { unitName, unitState } from "../queries/unit-state.ts";
import { quote, rawShell, sh } from "../shell/shell-text.ts";
import type { Change } from "./change.ts";
import {
  diffManagedFile,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineLoadingModule } from "./module.ts";
import { hardeningSettings } from "./systemd-hardening.ts";

const setting = z.union([z.string(), z.number(), z.boolean()]);
const section = z.record(
  z
    .string()
    .regex(/^[A-Z][A-Za-z0-9]*$/, { error: "must be a setting as systemd writes it, such as ExecStart" }),
  z.union([setting, z.array(setting)]),
);

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9:_.@-]+$/, { error: "must be the name of a unit" })
      .describe("The unit; without an ending, a service."),
    dropin: z
      .string()
      .regex(/^[A-Za-z0-9_.-]+$/)
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
  .refine(
    (all) => (all.state === "absent" || all.service) ?? all.socket ?? all.timer ?? all.path ?? all.mount,
    {
      error: "a unit needs a section: service, socket, timer, path or mount",
      path: ["service"],
    },
  );

type Params = z.infer<typeof params>;
type Section = z.infer<typeof section>;

interface Unit {
  want: Params;
  name: string;
  file: ManagedFile;
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
    "The unit is checked with `systemd-analyze verify` before it is put in place: a setting that systemd does not know is an error, and the old unit stays. systemd then reads its units anew.",
  params,
  examples: [
    {
      title: "A service that may do hardly anything",
      yaml: "- systemd_unit:\n    name: echo\n    hardening: strict\n    unit: {Description: An echo service}\n    service: {ExecStart: /usr/bin/cat, User: nobody, Restart: on-failure}\n    install: {WantedBy: multi-user.target}\n",
    },
    {
      title: "One setting of somebody else's unit",
      yaml: "- systemd_unit:\n    name: nginx\n    dropin: limits.conf\n    service: {LimitNOFILE: 65536}\n",
    },
  ],
  returns: { dest: "Path of the unit's file." },
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
        ...(want.dropin === undefined
          ? { validate: verifyCommand(name), validateTitle: "systemd-analyze verify" }
          : {}),
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
  ): Change<{ rewrite: boolean; attributes: boolean } | undefined> => {
    if (want.state === "absent") {
      if (at.type === "absent") return { action: "none", reason: `${file.path} is not there` };
      return {
        action: "delete",
        summary: `remove ${file.path}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: undefined,
      };
    }
    const change = diffManagedFile(file, at);
    if (change.action !== "none" || !unit.needsDaemonReload) return change;
    return {
      action: "update",
      summary: `have systemd read ${name} anew`,
      differences: [
        { kind: "field", name: "read by systemd", before: "an older version", after: "this one" },
      ],
      detail: undefined,
    };
  },
  steps: (change, { file }) => {
    const reload = {
      kind: "script" as const,
      title: "have systemd read its units",
      script: rawShell("systemctl daemon-reload"),
    };
    if (change.action === "delete")
      return [{ kind: "script", title: change.summary, script: sh`rm -f -- ${file.path}` }, reload];
    if (change.detail === undefined) return [reload];
    const folder = file.path.replace(/\/[^/]*$/, "");
    return [
      { kind: "script", title: `make ${folder}`, script: sh`mkdir -p -- ${folder}` },
      ...managedFileSteps(file, change.detail),
      reload,
    ];
  },
});

function unitText(want: Params): string {
  const service =
    want.service === undefined ? undefined : { ...hardeningSettings(want.hardening), ...want.service };
  const sections: [string, Section | undefined][] = [
    ["Unit", Object.keys(want.unit).length === 0 ? undefined : want.unit],
    ["Service", service as Section | undefined],
    ["Socket", want.socket],
    ["Timer", want.timer],
    ["Path", want.path],
    ["Mount", want.mount],
    ["Install", want.install],
  ];
  const text = sections.flatMap(([name, settings]) =>
    settings === undefined
      ? []
      : [
          `[${name}]\n${Object.entries(settings)
            .map(([key, value]) => lines(key, value))
            .join("")}`,
        ],
  );
  return `# Managed by Plumb: changes by hand are undone by the next run.\n${text.join("\n")}`;
}

/** systemd.syntax(7): a value ends with its line, so a line end in it must be escaped by whoever means it. */
function lines(key: string, value: Section[string]): string {
  const values = Array.isArray(value) ? value : [value];
  return values
    .map(
      (one) =>
        `${key}=${one === true ? "yes" : one === false ? "no" : String(one).replaceAll("\n", " \\\n  ")}\n`,
    )
    .join("");
}

/** systemd-analyze only warns of settings that it does not know; what it says of our file counts as a refusal. */
function verifyCommand(name: string): string {
  const unit = quote(name);
  return [
    "folder=$(mktemp -d) && trap 'rm -rf \"$folder\"' EXIT",
    `cp %s "$folder"/${unit}`,
    `code=0; systemd-analyze verify --man=no "$folder"/${unit} > "$folder/said" 2>&1 || code=$?`,
    'if grep -F "$folder/" "$folder/said" | sed "s|$folder/||g" | grep .; then exit 1; fi',
    'if [ "$code" -ne 0 ]; then cat "$folder/said"; exit 1; fi',
  ].join("; ");
}
