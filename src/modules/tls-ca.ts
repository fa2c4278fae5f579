import { rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { makeAuthority, readAuthority } from "./certificate-authority.ts";
import type { Change, Difference } from "./change.ts";
import { removeScript } from "./install-pair.ts";
import {
  diffManagedFile,
  type FileChange,
  type ManagedFile,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";
import { readIfThere } from "./read-if-there.ts";
import type { Step } from "./step.ts";

const params = z
  .strictObject({
    state: z
      .enum(["present", "absent"])
      .default("present")
      .describe(
        "`absent`: the certificate at `dest` is removed from the host. The authority stays on the controller.",
      ),
    directory: z
      .string()
      .min(1)
      .describe(
        "Folder of the authority on the controller; relative to the playbook. Keep it private, and keep a copy.",
      ),
    common_name: z.string().min(1).max(64).default("Plumb internal CA").describe("Its name."),
    days: z.number().int().min(1).max(36500).default(3650).describe("How long its certificate is valid."),
    dest: absolutePath
      .optional()
      .describe("Where its certificate is installed on the host, if it should be."),
    also_trusted: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "More authorities' certificates, files on the controller, that are installed in the same file: for the time of a change from one authority to another.",
      ),
    bundle: z
      .string()
      .optional()
      .describe(
        "A file on the controller that gets the same certificates, for clients that are told whom to trust.",
      ),
    owner: accountName.default("root").describe("Owner of the installed certificate."),
    group: accountName.default("root").describe("Group of the installed certificate."),
    mode: fileMode.default("0644").describe("Mode of the installed certificate."),
  })
  .refine((all) => all.state === "present" || all.dest !== undefined, {
    error:
      "give the file that should not be there; the authority itself is a folder on the controller that you remove by hand",
    path: ["dest"],
  });

interface Input {
  isAbsent: boolean;
  directory: string;
  commonName: string;
  days: number;
  certificate: string | undefined;
  /** Certificates of other authorities, PEM. */
  others: readonly string[];
  install: Omit<ManagedFile, "content"> | undefined;
  /** A file on the controller for the same certificates, and what it holds now. */
  bundle: { path: string; now: string | undefined } | undefined;
}

export const tlsCa = defineLoadingModule<
  z.infer<typeof params>,
  Input,
  { at: ReturnType<typeof pathState> },
  FileChange | undefined
>({
  name: "tls_ca",
  summary: "An internal certificate authority, and its certificate on hosts",
  description:
    "The authority lives on the controller: its key (EC P-256) never goes to a host. `tls_certificate` issues certificates from it. `state: absent` takes its certificate off a host. The authority itself is never removed by a run: certificates that are in use could not be renewed any more. When nothing trusts it, remove its folder by hand.",
  params,
  examples: [
    {
      title: "Made once, its certificate on every host",
      yaml: "- tls_ca:\n    directory: pki\n    dest: /etc/ssl/plumb/ca.crt\n",
    },
    {
      title: "No longer trusted by this host",
      yaml: "- tls_ca:\n    directory: pki\n    dest: /etc/ssl/plumb/ca.crt\n    state: absent\n",
    },
    { title: "Only made", yaml: "- tls_ca:\n    directory: pki\n    common_name: Example Databases CA\n" },
  ],
  returns: { certificate: "The authority's certificate, PEM." },
  load: async (want, controller): Promise<Input> => {
    const directory = controller.resolvePath(want.directory);
    const certificate = readAuthority(directory);
    const install =
      want.dest === undefined
        ? undefined
        : { path: want.dest, owner: want.owner, group: want.group, mode: want.mode };
    const others = await Promise.all(
      want.also_trusted.map(async (file) => (await controller.file(file, "files")).read()),
    );
    const bundlePath = want.bundle === undefined ? undefined : controller.resolvePath(want.bundle);
    return {
      isAbsent: want.state === "absent",
      bundle: bundlePath === undefined ? undefined : { path: bundlePath, now: readIfThere(bundlePath) },
      directory,
      commonName: want.common_name,
      days: want.days,
      certificate,
      others: others.map(String),
      install,
    };
  },
  queries: ({ install }) => ({
    at: pathState({ path: install?.path ?? "/", sha256: install !== undefined }),
  }),
  diff: ({ isAbsent, certificate, others, install, directory, bundle }, { at }, situation) => {
    if (isAbsent) {
      const path = install?.path ?? "";
      if (at.type === "absent") return { action: "none", reason: `${path} is not there` };
      if (at.type === "directory") throw new ModuleFailure(`${path} is a directory`);
      return {
        action: "delete",
        summary: `remove ${path}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: undefined,
      };
    }
    const installing = (content: string): Change<FileChange> | undefined =>
      install === undefined
        ? undefined
        : diffManagedFile({ ...install, content: textContent(content) }, at, situation);
    if (certificate === undefined) {
      const authority: Difference = { kind: "field", name: "authority", before: "absent", after: directory };
      const change = installing("");
      return {
        action: "create",
        summary: "make the certificate authority",
        // Another host may make it first: what is to be done on this one is the same then.
        differences: change === undefined ? [authority] : withoutContent(differencesOf(change)),
        detail: undefined,
      };
    }
    const change = installing(together(certificate, others));
    if (bundle !== undefined && bundle.now !== together(certificate, others)) {
      const own = change === undefined ? [] : differencesOf(change);
      return {
        action: "update",
        summary: `write ${bundle.path} on the controller`,
        differences:
          own.length > 0
            ? own
            : [
                {
                  kind: "field",
                  name: bundle.path,
                  before: "other certificates",
                  after: "these certificates",
                },
              ],
        detail: undefined,
        data: { certificate },
      };
    }
    if (change === undefined)
      return { action: "none", reason: "the authority is there", data: { certificate } };
    return { ...change, data: { certificate } };
  },
  steps: (change, input): Step[] => {
    const { isAbsent, certificate, others, install } = input;
    if (isAbsent)
      return [{ kind: "script", title: change.summary, script: removeScript(install?.path ?? "") }];
    if (certificate !== undefined && install !== undefined && input.bundle === undefined) {
      const content = textContent(together(certificate, others));
      return managedFileSteps({ ...install, content }, change.detail ?? EVERYTHING);
    }
    return [
      {
        kind: "controller",
        title: change.summary,
        run: async () => {
          await makeAuthority(input);
          const made = readAuthority(input.directory);
          if (made !== undefined && input.bundle !== undefined)
            await writeBundle(input.bundle.path, together(made, others));
          if (install === undefined || made === undefined) return {};
          return {
            next: managedFileSteps({ ...install, content: textContent(together(made, others)) }, EVERYTHING),
          };
        },
      },
    ];
  },
});

const differencesOf = (change: Change<FileChange>): readonly Difference[] =>
  change.action === "none" ? [] : change.differences;

/** The certificate is made by the change itself. */
function withoutContent(differences: readonly Difference[]): Difference[] {
  return differences.map((one) =>
    one.kind === "text" ? { kind: "text", name: one.name, beforeUnread: true } : one,
  );
}

const EVERYTHING: FileChange = { rewrite: true, attributes: true };

/** Whole or not at all, as everything that is written. */
async function writeBundle(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o644 });
  await rename(`${path}.new`, path);
}

/** The own certificate first, then the others, each once. */
function together(own: string, others: readonly string[]): string {
  const certificates = [own, ...others].map((text) => `${text.trim()}\n`);
  return [...new Set(certificates)].join("");
}
