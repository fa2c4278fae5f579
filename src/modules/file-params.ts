import { z } from "zod";
import { absolutePath, accountName } from "./parameter-types.ts";
import { anyFileMode } from "./symbolic-mode.ts";

/** Parameters that all modules which write a whole file have. */
export const fileParams = {
  dest: absolutePath.describe("Where on the host."),
  owner: accountName
    .optional()
    .describe("User who owns it. Without: as the file that is replaced, or the task's user."),
  group: accountName.optional().describe("Group that owns it."),
  mode: anyFileMode
    .optional()
    .describe(
      'Permission bits: octal in quotes, or u=rw,g=r,o=. Without: as the file that is replaced, or "0644".',
    ),
  validate: z
    .string()
    .includes("%s", { error: "must contain %s, for the file to be checked" })
    .optional()
    .describe("A command with `%s` for the new file; unless it succeeds, nothing is replaced."),
  backup: z.boolean().default(false).describe("Keep the replaced file beside it, with the date in its name."),
};
