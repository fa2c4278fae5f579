import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { sh } from "../shell/shell-text.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const params = z.strictObject({ src: absolutePath.describe("A file on the host, up to 10 MB.") });

export const slurp = defineModule({
  name: "slurp",
  summary: "Reads a file of the host, in base64",
  params,
  inCheckMode: "run",
  examples: [
    {
      title: "Its text",
      yaml: '- slurp:\n    src: /etc/hostname\n  register: file\n- debug:\n    msg: "{{ base64_decode file.content }}"\n',
    },
    { title: "A certificate", yaml: "- slurp:\n    src: /etc/ssl/certs/ca.crt\n  register: ca\n" },
  ],
  returns: { content: "The content, in base64.", encoding: "Always base64.", source: "The path." },
  queries: ({ src }) => ({ at: pathState({ path: src }) }),
  diff: ({ src }, { at }, { changesPending }) => {
    if (at.type === "directory") throw new ModuleFailure(`${src} is a directory`);
    const isMissing = at.type === "absent";
    if (isMissing && !changesPending) throw new ModuleFailure(`${src} is not there`);
    return {
      action: "run",
      summary: isMissing ? `read ${src}, which is not there yet` : `read ${src}`,
      differences: [],
      detail: undefined,
      // In check mode an earlier task may be about to make it.
      ...(isMissing ? { inCheckMode: "predict" as const } : {}),
    };
  },
  steps: (change, { src }) => [
    {
      kind: "script",
      title: change.summary,
      script: sh`if [ ! -f ${src} ]; then echo ${`${src} is no file`} >&2; exit 1; fi; if [ "$(stat -L -c %s -- ${src})" -gt 10000000 ]; then echo ${`${src} is larger than 10 MB: use fetch`} >&2; exit 1; fi; base64 -w0 -- ${src}`,
    },
  ],
  result: ({ src }, outputs) => ({
    changed: false,
    message: `read ${src}`,
    data: { content: outputs[0]?.exec?.stdout.toString() ?? "", encoding: "base64", source: src },
  }),
});
