import type { Plumb } from "../../../src/modules/public-interface.ts";

/** A file of zeros with a size: room kept free for the day when the disk is full. */
export default ({ z, defineModule, pathState, absolutePath, sh, shellLines, rawShell }: Plumb) =>
  defineModule({
    name: "ballast_file",
    summary: "A file that keeps room free",
    params: z.strictObject({
      path: absolutePath.describe("The file."),
      size_mb: z.number().int().min(1).describe("Its size in MiB."),
    }),
    examples: [
      { title: "A gigabyte", yaml: "- ballast_file: {path: /var/ballast, size_mb: 1024}\n" },
      { title: "A little", yaml: "- ballast_file: {path: /srv/ballast, size_mb: 16}\n" },
    ],
    queries: ({ path }) => ({ file: pathState({ path }) }),
    diff: ({ path, size_mb }, { file }) => {
      const now = file.type === "file" ? file.sizeBytes / 1024 / 1024 : 0;
      if (now === size_mb) return { action: "none", reason: `${path} has ${size_mb} MiB` };
      return {
        action: file.type === "absent" ? "create" : "update",
        summary: `make ${path} with ${size_mb} MiB`,
        differences: [{ kind: "field", name: "size", before: `${now} MiB`, after: `${size_mb} MiB` }],
        detail: undefined,
      };
    },
    steps: (change, { path, size_mb }) => [
      {
        kind: "script",
        title: change.summary,
        script: shellLines(
          rawShell("set -e; umask 077"),
          sh`dd if=/dev/zero of=${`${path}.new`} bs=1M count=${size_mb} status=none`,
          sh`mv -f -- ${`${path}.new`} ${path}`,
        ),
      },
    ],
  });
