import { z } from "zod";
import { fileDigest } from "../queries/file-digest.ts";
import { pathState } from "../queries/path-state.ts";
import { defineModule } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const params = z.strictObject({
  path: absolutePath.describe("The path."),
  follow: z.boolean().default(false).describe("Tell of what a link leads to, and not of the link."),
  get_checksum: z.boolean().default(true).describe("The checksum of a file's content too."),
  checksum_algorithm: z
    .enum(["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
    .default("sha256")
    .describe("Which one. In Ansible it is sha1 unless the task says so."),
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
      title: "Is it older than a day?",
      yaml: "- stat:\n    path: /var/backups/app.dump\n  register: dump\n- command: date +%s\n  register: now\n  changed_when: false\n- fail:\n    msg: No backup for a day\n  when: not dump.stat.exists or int(now.stdout) - dump.stat.mtime > 86400\n",
    },
    {
      title: "Without reading the file",
      yaml: "- stat:\n    path: /var/lib/huge\n    get_checksum: false\n  register: huge\n",
    },
  ],
  returns: {
    stat: "exists, path, isdir, isreg, islnk, mode, pw_name, gr_name, uid, gid, size, mtime, atime, ctime (whole seconds since 1970), inode, dev, nlink, checksum, lnk_target; isuid, isgid; rusr, wusr, xusr and the same of grp and oth.",
  },
  queries: ({ path, follow, get_checksum, checksum_algorithm: algorithm }) => ({
    at: pathState({ path, follow, sha256: get_checksum && algorithm === "sha256" }),
    other: fileDigest(get_checksum && algorithm !== "sha256" ? { path, algorithm } : undefined),
  }),
  diff: ({ path, get_checksum, checksum_algorithm: algorithm }, { at, other }) => {
    if (at.type === "absent")
      return { action: "none", reason: `${path} is not there`, data: { stat: { exists: false } } };
    // What was asked together with it for another task may say more than this one wants.
    const checksum = get_checksum ? (algorithm === "sha256" ? at.sha256 : other.digest) : undefined;
    const bits = Number.parseInt(at.mode, 8);
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
      mtime: at.modifiedSeconds,
      atime: at.accessedSeconds,
      ctime: at.changedSeconds,
      inode: at.inode,
      dev: at.device,
      nlink: at.links,
      isuid: (bits & 0o4000) !== 0,
      isgid: (bits & 0o2000) !== 0,
      ...Object.fromEntries(
        ["usr", "grp", "oth"].flatMap((who, index) =>
          ["r", "w", "x"].map((letter, at) => [
            `${letter}${who}`,
            (bits & (0o400 >> (3 * index + at))) !== 0,
          ]),
        ),
      ),
      ...(checksum === undefined ? {} : { checksum }),
      ...(at.target === undefined ? {} : { lnk_target: at.target }),
    };
    return { action: "none", reason: `${path} is a ${at.type}`, data: { stat: found } };
  },
  steps: () => [],
});
