import { z } from "zod";
import { accountName, fileMode } from "./parameter-types.ts";

/** Parameters that all modules which edit a text file have. */
export const editParams = {
  create: z.boolean().default(false).describe("Make the file where there is none."),
  owner: accountName.optional().describe("User who owns the file."),
  group: accountName.optional().describe("Group that owns the file."),
  mode: fileMode.optional().describe("Permission bits, in quotes."),
  validate: z
    .string()
    .includes("%s", { error: "must contain %s, for the file to be checked" })
    .optional()
    .describe("A command with `%s` for the new file; unless it succeeds, nothing is replaced."),
  backup: z.boolean().default(false).describe("Keep the replaced file beside it, with the date in its name."),
};
