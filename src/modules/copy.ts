import { z } from "zod";
import {
  diffManagedFile,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
  withHiddenChecksum,
} from "./managed-file.ts";
import { defineLoadingModule } from "./module.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";
import type { ControllerFile, FileContent } from "./step.ts";

export const fileParams = {
  dest: absolutePath.describe("Where on the host."),
  owner: accountName
    .optional()
    .describe("User who owns it. Without: as the file that is replaced, or the task's user."),
  group: accountName.optional().describe("Group that owns it."),
  mode: fileMode
    .optional()
    .describe('Permission bits, in quotes. Without: as the file that is replaced, or "0644".'),
  validate: z
    .string()
    .includes("%s", { error: "must contain %s, for the file to be checked" })
    .optional()
    .describe("A command with `%s` for the new file; unless it succeeds, nothing is replaced."),
  backup: z.boolean().default(false).describe("Keep the replaced file beside it, with the date in its name."),
};

const params = z
  .strictObject({
    src: z
      .string()
      .min(1)
      .optional()
      .describe("A file on the controller: in the role's `files/`, beside the playbook, or absolute."),
    content: z
      .union([z.string(), z.number(), z.boolean()])
      .optional()
      .describe("The content itself, instead of `src`."),
    decrypt: z
      .boolean()
      .default(true)
      .describe("Open a `src` that is vaulted; otherwise it is sent as it is."),
    secret: z.boolean().default(false).describe("Never show the content, not even in a diff."),
    ...fileParams,
  })
  .refine((all) => (all.src === undefined) !== (all.content === undefined), {
    error: "give either `src` or `content`",
    path: ["src"],
  });

export const copy = defineLoadingModule({
  name: "copy",
  summary: "A file with this content, owner and mode, replaced atomically",
  description:
    "The new content is written beside the target, gets its owner and mode, is validated and synced to disk, and then renamed over it: whatever happens, the old file is there or the new one.",
  params,
  examples: [
    { title: "A file of the role", yaml: '- copy:\n    src: motd\n    dest: /etc/motd\n    mode: "0644"\n' },
    {
      title: "Content from a variable, checked before it counts",
      yaml: '- copy:\n    content: "admin ALL=(ALL) ALL\\n"\n    dest: /etc/sudoers.d/admin\n    mode: "0440"\n    validate: visudo -cf %s\n',
    },
  ],
  returns: { dest: "The path.", checksum: "SHA-256 of the content." },
  load: async (want, controller): Promise<ManagedFile> => ({
    path: want.dest,
    content: withHiddenChecksum(
      want.content === undefined
        ? fileContent(await controller.file(want.src ?? "", "files", { decrypt: want.decrypt }), want.secret)
        : textContent(String(want.content), want.secret),
      controller,
    ),
    owner: want.owner,
    group: want.group,
    mode: want.mode,
    validate: want.validate,
    backup: want.backup,
  }),
  queries: (want, situation) => ({
    at: managedFileQuery(want.path, want.content.secret === true, situation),
  }),
  diff: (want, { at }) => diffManagedFile(want, at),
  steps: (change, want) => managedFileSteps(want, change.detail),
});

/** What was vaulted on the controller is as secret on the host. */
function fileContent(file: ControllerFile, secret: boolean): FileContent {
  return { kind: "controller-file", file, ...(secret || file.isFromVault ? { secret: true } : {}) };
}
