import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { defineModule } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const params = z.strictObject({
  path: absolutePath.describe("The path."),
  get_checksum: z.boolean().default(true).describe("SHA-256 of a file's content too."),
});

export const stat = defineModule({
  name: "stat",
  summary: "Tells what is at a path",
  params,
  examples: [
    {
      title: "Is it there?",
      yaml: "- stat:\n    path: /etc/app.conf\n  register: conf\n- debug:\n    msg: It is there\n  when: conf.stat.exists\n",
    },
    {
      title: "Without reading the file",
      yaml: "- stat:\n    path: /var/lib/huge\n    get_checksum: false\n  register: huge\n",
    },
  ],
  returns: {
    stat: "exists, isdir, isreg, islnk, mode, pw_name, gr_name, uid, gid, size, checksum, lnk_target.",
  },
  queries: ({ path, get_checksum }) => ({ at: pathState({ path, sha256: get_checksum }) }),
  diff: ({ path }, { at }) => {
    if (at.type === "absent")
      return { action: "none", reason: `${path} is not there`, data: { stat: { exists: false } } };
    const found = {
      exists: true,
      path,
      isdir: at.type === "directory",
      isreg: at.type === "file",
      islnk: at.type === "link",
      mode: at.mode,
      pw_name: at.owner,
      gr_name: at.group,
      uid: at.uid,
      gid: at.gid,
      size: at.sizeBytes,
      ...(at.sha256 === undefined ? {} : { checksum: at.sha256 }),
      ...(at.target === undefined ? {} : { lnk_target: at.target }),
    };
    return { action: "none", reason: `${path} is a ${at.type}`, data: { stat: found } };
  },
  steps: () => [],
});
