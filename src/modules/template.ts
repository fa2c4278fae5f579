import { z } from "zod";
import { fileParams } from "./file-params.ts";
import {
  diffManagedFile,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
  withHiddenChecksum,
} from "./managed-file.ts";
import { defineLoadingModule } from "./module.ts";

const params = z.strictObject({
  src: z
    .string()
    .min(1)
    .describe("A Handlebars template on the controller: in the role's `templates/`, or beside the playbook."),
  secret: z.boolean().default(false).describe("Never show the content, not even in a diff."),
  ...fileParams,
});

export const template = defineLoadingModule({
  name: "template",
  summary: "A file made from a Handlebars template",
  description:
    "The template sees the task's variables; a variable that nothing defines is an error that names the line of the template.",
  params,
  examples: [
    {
      title: "A configuration file",
      yaml: '- template:\n    src: app.conf.hbs\n    dest: /etc/app.conf\n    owner: root\n    mode: "0644"\n  notify: restart app\n',
    },
    {
      title: "Checked before it replaces the old one",
      yaml: "- template:\n    src: nginx.conf.hbs\n    dest: /etc/nginx/nginx.conf\n    validate: nginx -t -c %s\n",
    },
  ],
  returns: { dest: "The path.", checksum: "SHA-256 of the content." },
  load: async (want, controller): Promise<ManagedFile> => ({
    path: want.dest,
    content: withHiddenChecksum(
      textContent(await controller.renderTemplate(want.src), want.secret),
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
  diff: (want, { at }, situation) => diffManagedFile(want, at, situation),
  steps: (change, want) => managedFileSteps(want, change.detail),
});
