import { z } from "zod";
import { sh } from "../shell/shell-text.ts";
import { defineModule } from "./module.ts";
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
  queries: () => ({}),
  diff: ({ src }) => ({ action: "run", summary: `read ${src}`, differences: [], detail: undefined }),
  steps: (change, { src }) => [
    {
      kind: "script",
      title: change.summary,
      script: sh`if [ "$(stat -L -c %s -- ${src})" -gt 10000000 ]; then echo ${`${src} is larger than 10 MB: use fetch`} >&2; exit 1; fi; base64 -w0 -- ${src}`,
    },
  ],
  result: ({ src }, outputs) => ({
    changed: false,
    message: `read ${src}`,
    data: { content: outputs[0]?.exec?.stdout.toString() ?? "", encoding: "base64", source: src },
  }),
});
