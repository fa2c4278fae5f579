import { z } from "zod";
import { type KernelModuleState, kernelModule } from "../queries/kernel-module.ts";
import { type PathState, pathState } from "../queries/path-state.ts";
import { sh } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { diffManagedFile, type ManagedFile, managedFileSteps, textContent } from "./managed-file.ts";
import { defineModule, ModuleFailure, type Situation } from "./module.ts";
import type { Step } from "./step.ts";

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, { error: "must be the name of a kernel module, such as nf_conntrack" })
      .describe("The kernel module."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether it is in the kernel now."),
    params: z
      .string()
      .regex(/^[^\n]*$/, { error: "must be one line" })
      .default("")
      .describe(
        "Its parameters, such as `numdummies=2`: for the loading, and kept with `persistent: present`.",
      ),
    persistent: z
      .enum(["disabled", "present", "absent"])
      .default("disabled")
      .describe(
        "`present`: loaded at every boot (a file in /etc/modules-load.d, and one in /etc/modprobe.d for its parameters). `absent`: those files are removed. `disabled`: they are left alone.",
      ),
  })
  .refine(({ state, persistent }) => state === "present" || persistent !== "present", {
    error: "can't be `present` with `state: absent`",
    path: ["persistent"],
  });

type Params = z.infer<typeof params>;

interface ModprobeChange {
  kernel: boolean;
  write: ManagedFile[];
  remove: string[];
}

const loadFile = ({ name }: Params): string => `/etc/modules-load.d/${name}.conf`;
const optionsFile = ({ name }: Params): string => `/etc/modprobe.d/${name}.conf`;

export const modprobe = defineModule<
  Params,
  {
    module: ReturnType<typeof kernelModule>;
    load: ReturnType<typeof pathState>;
    options: ReturnType<typeof pathState>;
  },
  ModprobeChange
>({
  name: "modprobe",
  summary: "A module of the kernel, now and at every boot",
  description:
    "A module that is built into the kernel counts as present. Where the kernel can't load modules, or has none of this name, the task fails and says which. The kernel that the tests run on has no modules: they prove the files for the boot, modules that are built in, and what is refused; a module that is really loaded or unloaded they have not seen.",
  params,
  examples: [
    {
      title: "Now and at every boot",
      yaml: "- modprobe:\n    name: nf_conntrack\n    params: hashsize=65536\n    persistent: present\n",
    },
    { title: "Gone", yaml: "- modprobe:\n    name: pcspkr\n    state: absent\n    persistent: absent\n" },
  ],
  returns: { kernel: "loaded, built-in, loadable, unknown or unsupported, as it was before." },
  queries: (want) => ({
    module: kernelModule(want.name),
    load: pathState({ path: loadFile(want), sha256: true }),
    options: pathState({ path: optionsFile(want), sha256: true }),
  }),
  diff: (want, { module, load, options }, situation) => {
    if (module === "unknown" && want.state === "present" && situation.changesPending)
      return {
        action: "run",
        summary: `load the kernel module ${want.name}, if an earlier task brings it`,
        differences: [],
        detail: { kernel: true, write: [], remove: [] },
      };
    const kernel = kernelDifference(want, module);
    const files = fileChanges(want, load, options, situation);
    const differences = [...kernel, ...files.differences];
    const data = { kernel: module };
    if (differences.length === 0)
      return { action: "none", reason: `${want.name} is ${want.state} (${module})`, data };
    return {
      action: want.state === "present" ? "update" : "delete",
      summary: `${want.state === "present" ? "load" : "remove"} the kernel module ${want.name}`,
      differences,
      detail: { kernel: kernel.length > 0, write: files.write, remove: files.remove },
      data,
    };
  },
  steps: ({ summary, detail }, want): Step[] => [
    // Before the loading: modprobe reads the parameters.
    ...detail.write.flatMap((file) => managedFileSteps(file, { rewrite: true, attributes: true })),
    ...(detail.remove.length === 0
      ? []
      : [{ kind: "script" as const, title: "no longer at boot", script: sh`rm -f -- ${detail.remove}` }]),
    ...(detail.kernel
      ? [
          {
            kind: "script" as const,
            title: summary,
            script:
              want.state === "present"
                ? sh`modprobe -- ${want.name} ${want.params.split(/\s+/).filter(Boolean)}`
                : sh`modprobe --remove -- ${want.name}`,
          },
        ]
      : []),
  ],
});

/** @throws ModuleFailure where the kernel can't do what is wanted. */
function kernelDifference(want: Params, module: KernelModuleState): Difference[] {
  const isIn = module === "loaded" || module === "built-in";
  if (want.state === "absent") {
    if (module === "built-in")
      throw new ModuleFailure(`${want.name} is built into the kernel: it can't be removed`);
    return isIn ? [{ kind: "field", name: want.name, before: "loaded", after: "absent" }] : [];
  }
  if (isIn) return [];
  if (module === "unsupported")
    throw new ModuleFailure(`${want.name} can't be loaded: this kernel loads no modules`, {
      hint: "it has no /proc/modules; in a container the kernel is the host's, and the module is loaded there",
    });
  if (module === "unknown")
    throw new ModuleFailure(`the kernel that runs has no module ${want.name}`, {
      hint: "is the name right, is its package installed, and has the host been booted since the kernel's last update?",
    });
  return [{ kind: "field", name: want.name, before: "not loaded", after: "loaded" }];
}

function fileChanges(
  want: Params,
  load: PathState,
  options: PathState,
  situation: Situation,
): { differences: Difference[]; write: ManagedFile[]; remove: string[] } {
  if (want.persistent === "disabled") return { differences: [], write: [], remove: [] };
  const owned = { owner: "root", group: "root", mode: "0644" };
  const wanted: { state: PathState; path: string; text: string | undefined }[] = [
    {
      state: load,
      path: loadFile(want),
      text: want.persistent === "present" ? `${want.name}\n` : undefined,
    },
    {
      state: options,
      path: optionsFile(want),
      text:
        want.persistent === "present" && want.params !== ""
          ? `options ${want.name} ${want.params}\n`
          : undefined,
    },
  ];
  const differences: Difference[] = [];
  const write: ManagedFile[] = [];
  const remove: string[] = [];
  for (const { state, path, text } of wanted) {
    if (text === undefined) {
      if (state.type === "absent") continue;
      differences.push({ kind: "field", name: path, before: "present", after: "absent" });
      remove.push(path);
      continue;
    }
    const file = { path, content: textContent(text), ...owned };
    const change = diffManagedFile(file, state, situation);
    if (change.action === "none") continue;
    differences.push(...change.differences);
    write.push(file);
  }
  return { differences, write, remove };
}
