import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { DESCRIBE_PATHS, UNPACKED_FOLDER, unpackedArchive, unpackedId } from "../queries/unpacked-archive.ts";
import { SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { defineLoadingModule, ModuleFailure, type ParameterFinding } from "./module.ts";
import { ownerTrials } from "./owner-trial.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";
import type { ControllerFile, Step, StepTrial } from "./step.ts";

const member = z
  .string()
  .min(1)
  .regex(/^[^\0\n-][^\0\n]*$/, { error: "must be a path in the archive" });

const params = z
  .strictObject({
    src: z
      .string()
      .min(1)
      .describe(
        "The archive: a file on the controller, in the role's `files/` or beside the playbook; with `remote_src` on the host.",
      ),
    dest: absolutePath.describe("The directory to unpack it in; it has to be there."),
    remote_src: z.boolean().default(false).describe("`src` is on the host."),
    creates: absolutePath.optional().describe("If this is there, nothing is unpacked."),
    owner: accountName
      .optional()
      .describe("User who owns what is unpacked. Without: the task's user, whatever the archive says."),
    group: accountName.optional().describe("Group that owns it."),
    mode: fileMode
      .optional()
      .describe("Permission bits of everything, in quotes. Without: as in the archive."),
    keep_owner: z
      .boolean()
      .default(false)
      .describe("Owner and group as in the archive: numbers that may be somebody else's here."),
    include: z.array(member).default([]).describe("Only these members."),
    exclude: z.array(member).default([]).describe("Not these members; shell patterns."),
    list_files: z.boolean().default(false).describe("Give the names of everything as `files`."),
  })
  .refine((all) => !all.remote_src || all.src.startsWith("/"), {
    error: "must be an absolute path on the host (get_url brings an archive there from the network)",
    path: ["src"],
  })
  .refine((all) => all.remote_src || !/^[a-z]+:\/\//.test(all.src), {
    error: "must be a file: let get_url bring it to the host, and unpack it with `remote_src: true`",
    path: ["src"],
  })
  .refine((all) => !(all.keep_owner && (all.owner !== undefined || all.group !== undefined)), {
    error: "`keep_owner` and `owner` say different things",
    path: ["keep_owner"],
  });

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  /** undefined: it is on the host. */
  file: ControllerFile | undefined;
}

type Queries = {
  archive: ReturnType<typeof pathState>;
  dest: ReturnType<typeof pathState>;
  creates: ReturnType<typeof pathState>;
  unpacked: ReturnType<typeof unpackedArchive>;
};

export const unarchive = defineLoadingModule<Params, Input, Queries, { sha256: string | undefined }>({
  name: "unarchive",
  summary: "Unpacks an archive, and keeps what came out of it as it was",
  description:
    "tar (plain, gz, bz2, xz, zst) and zip. It is unpacked beside its place first and looked through: a member with an absolute path or `..`, a link that leads out of the directory, and a device are refused, and nothing is put in place then. What came out is written down, with a checksum each: the second run changes nothing, a file that was changed by hand is found, and the archive need not be sent again. Files of an older version stay; `file: state: absent` removes them.\n\nCheck mode looks through the archive too: whether it is whole, where its paths and links lead, and whether it has devices. A warning says what it does not look at: an archive of the controller of more than 64 MiB, and with `include` links and devices.",
  params,
  examples: [
    {
      title: "A release from the controller",
      yaml: "- unarchive:\n    src: app-1.4.2.tar.gz\n    dest: /opt/app\n    owner: app\n    group: app\n",
    },
    {
      title: "One that is on the host already, without its outermost directory's tests",
      yaml: "- unarchive:\n    src: /var/cache/tool.zip\n    dest: /opt/tool\n    remote_src: true\n    exclude: ['*/tests']\n    creates: /opt/tool/bin/tool\n",
    },
  ],
  returns: {
    dest: "The directory.",
    src: "The archive.",
    files: "With `list_files`: everything that came out, relative to it.",
  },
  load: async (want, controller) => ({
    want,
    file: want.remote_src ? undefined : await controller.file(want.src, "files"),
  }),
  queries: ({ want }) => ({
    archive: pathState(want.remote_src ? { path: want.src, sha256: true } : { path: "/" }),
    dest: pathState({ path: want.dest }),
    creates: pathState({ path: want.creates ?? "/" }),
    unpacked: unpackedArchive({ id: idOf(want), dest: want.dest }),
  }),
  diff: ({ want, file }, { archive, dest, creates, unpacked }, { changesPending, checkMode }) => {
    const data = {
      dest: want.dest,
      src: want.src,
      ...(want.list_files ? { files: [...unpacked.files] } : {}),
    };
    if (want.creates !== undefined && creates.type !== "absent")
      return { action: "none", reason: `${want.creates} is there`, data };
    if (want.remote_src && archive.type === "absent" && !changesPending)
      throw new ModuleFailure(`${want.src} is not there`);
    if (dest.type !== "directory" && dest.type !== "link" && !changesPending)
      throw new ModuleFailure(
        dest.type === "absent" ? `the directory ${want.dest} is not there` : `${want.dest} is no directory`,
        {
          hint: "`file: state: directory` makes it",
        },
      );
    const sha256 = file?.sha256 ?? (archive.type === "absent" ? undefined : archive.sha256);
    const isUnpacked = unpacked.sha256 !== undefined && unpacked.sha256 === sha256;
    if (isUnpacked && unpacked.differing.length === 0)
      return { action: "none", reason: `${want.src} is unpacked`, data };
    return {
      action: unpacked.sha256 === undefined ? "create" : "update",
      summary: `unpack ${want.src} in ${want.dest}`,
      differences: isUnpacked
        ? unpacked.differing.map((line) => ({
            kind: "field" as const,
            name: "unpacked",
            before: line,
            after: "as in the archive",
          }))
        : [
            {
              kind: "field",
              name: "archive",
              before: unpacked.sha256 ?? "not unpacked",
              after: sha256 ?? "(not there yet)",
            },
          ],
      detail: { sha256 },
      data,
      ...(checkMode ? notLookedAt(want, file) : {}),
    };
  },
  steps: (change, { want, file }): Step[] => {
    const work = `${want.dest.replace(/\/+$/, "")}/${WORK}`;
    return [
      {
        kind: "script",
        title: "make room beside the destination",
        script: shellLines(
          SAFE_FOLDER,
          sh`umask 077; plumb_enter ${want.dest} && rm -rf -- ${WORK} && mkdir -- ${WORK}`,
        ),
      },
      ...(file === undefined
        ? []
        : [
            {
              kind: "write-file" as const,
              title: `send ${want.src}`,
              path: `${work}/archive`,
              content: { kind: "controller-file" as const, file },
              mode: "0600",
            },
          ]),
      {
        kind: "script",
        title: change.summary,
        script: unpackScript(want, file === undefined ? want.src : "./archive", change.detail.sha256 ?? ""),
        trials: unpackTrials(want, file),
      },
    ];
  },
});

function idOf({ src, dest, owner, group, mode, keep_owner, include, exclude }: Params): string {
  return unpackedId([src, dest, owner, group, mode, keep_owner, include, exclude]);
}

/** Beside what is unpacked, so that it can be renamed. */
const WORK = ".plumb-unpack";

/**
 * Everything up to the look through happens in a folder of our own that is held as the working directory. What is put in place goes, directory by directory, to where
 * that directory really is: who owns the destination could swap its directories for links meanwhile.
 */
const REFUSE = rawShell("refuse() { printf '%s\\n' \"$1\" >&2; exit 1; }");

/** What the archive is, whether it is whole, and whether its paths stay where they belong. */
const LOOK_THROUGH = shellLines(
  rawShell('[ -f "$archive" ] || refuse "$archive is no file"'),
  rawShell(
    'case $(head -c 4 -- "$archive" | od -An -tx1 | tr -d " \\n") in 504b0304|504b0506) kind=zip;; *) kind=tar;; esac',
  ),
  rawShell(
    'need() { command -v "$1" >/dev/null || { echo "$1 is not installed on the host: install the package $2 before" >&2; exit 127; }; }',
  ),
  rawShell('if [ "$kind" = zip ]; then'),
  rawShell("  need unzip unzip"),
  rawShell('  unzip -Z1 -- "$archive" > "$work/names" || refuse "the archive is damaged"'),
  rawShell("else"),
  rawShell(
    '  case $(head -c 6 -- "$archive" | od -An -tx1 | tr -d " \\n") in fd377a585a00) need xz xz-utils;; 425a68*) need bzip2 bzip2;; 28b52ffd*) need zstd zstd;; esac',
  ),
  rawShell(
    '  said=$(tar --list --quoting-style=escape -f "$archive" 2>&1 > "$work/names") || refuse "the archive is damaged: $said"',
  ),
  rawShell("fi"),
  rawShell(
    'bad=$(grep -E "^/|(^|/)\\.\\.(/|$)" "$work/names" | head -n 1) || true; [ -z "$bad" ] || refuse "the archive has a path that leads out of the directory: $bad"',
  ),
);

/** What was unpacked has no link that leads out of it: both as it is written and as the links before it lead. */
const LINKS_STAY_INSIDE = shellLines(
  rawShell(
    'find "$tree" -type l -print0 | xargs -0r sh -c \'tree=$1; shift; for link; do target=$(readlink -- "$link"); case $target in /*) bad=1;; *) bad=; for how in -ms -m; do case $(realpath "$how" -- "${link%/*}/$target") in "$tree"|"$tree"/*) ;; *) bad=1;; esac; done;; esac; [ -z "$bad" ] || { printf "%s -> %s\\n" "${link#./tree/}" "$target"; exit 0; }; done\' sh "$(realpath -- "$tree")" > "$work/links"',
  ),
  rawShell(
    '[ ! -s "$work/links" ] || refuse "the archive has a link that leads out of the directory: $(head -n 1 "$work/links")"',
  ),
);

/** Names of the members whose kind, as tar and unzip list it, is one of these. Nothing where the two lists do not agree: then only unpacking tells. */
const OF_KIND = rawShell(
  `of_kind() { [ "$(wc -l < "$work/kinds")" = "$(wc -l < "$work/listed")" ] || return 0; awk -v wanted="$1" 'NR == FNR { kind[FNR] = $1; next } index(wanted, kind[FNR])' "$work/kinds" "$work/listed"; }`,
);

/** Devices and links, without unpacking anything but the links: where they lead depends on each other. */
function lookAtMembers({ exclude }: Params): ShellText {
  const but = exclude.map((pattern) => `--exclude=${pattern}`);
  // 11: all of them are left out.
  const unzipChosen = sh`archive=$1 tree=$2; shift 2; unzip -q -o "$archive" "$@" ${exclude.length === 0 ? [] : ["-x", ...exclude]} -d "$tree" || [ $? = 11 ]`;
  return shellLines(
    OF_KIND,
    rawShell("umask 022; tree=./tree; mkdir -- tree"),
    rawShell('if [ "$kind" = zip ]; then'),
    rawShell('  cp -- "$work/names" "$work/listed"'),
    rawShell(
      `  unzip -Z -s -- "$archive" | sed -n 's/^\\([-?a-zA-Z]\\)[-?a-zA-Z]\\{6,9\\} .*/\\1/p' > "$work/kinds"`,
    ),
    rawShell(`  of_kind l | sed 's/[][*?\\\\]/\\\\&/g' > "$work/chosen"`),
    sh`  [ ! -s "$work/chosen" ] || tr '\\n' '\\0' < "$work/chosen" | xargs -0 sh -c ${unzipChosen.shell} sh "$archive" "$tree" >&2`,
    rawShell("else"),
    sh`  tar --list --quoting-style=escape ${but} -f "$archive" > "$work/listed"`,
    sh`  tar --list --verbose --quoting-style=escape ${but} -f "$archive" | cut -c 1 > "$work/kinds"`,
    rawShell('  bad=$(of_kind bcps | head -n 1); [ -z "$bad" ] || refuse "the archive has a device: $bad"'),
    rawShell('  of_kind l | sed "s/^-/--add-file=-/" > "$work/chosen"'),
    sh`  [ ! -s "$work/chosen" ] || tar --extract --no-same-owner ${but} -f "$archive" -C "$tree" -T "$PWD/chosen"`,
    rawShell("fi"),
    LINKS_STAY_INSIDE,
  );
}

/** An archive that is larger is not sent only to be looked through. */
const LARGEST_TRIED_BYTES = 64 * 1024 * 1024;

/** What check mode can't foretell of an archive. */
function notLookedAt(
  { include }: Params,
  file: ControllerFile | undefined,
): { warnings?: readonly ParameterFinding[] } {
  const message =
    file !== undefined && file.sizeBytes > LARGEST_TRIED_BYTES
      ? "this archive is not sent only to be looked through: whether it is whole, and where its paths and links lead, is found out when it is unpacked"
      : include.length > 0
        ? "with `include`, devices and links in the archive are looked at when it is unpacked"
        : undefined;
  return message === undefined ? {} : { warnings: [{ path: ["src"], message }] };
}

function unpackTrials(want: Params, file: ControllerFile | undefined): readonly StepTrial[] {
  const owner = want.keep_owner ? [] : ownerTrials(want);
  const look = (archive: ShellText): ShellText =>
    shellLines(
      rawShell("set -eu; work=."),
      REFUSE,
      archive,
      LOOK_THROUGH,
      want.include.length === 0 ? lookAtMembers(want) : undefined,
    );
  // What is on the host may be brought by an earlier task.
  if (file === undefined) return [...owner, { script: look(sh`archive=${want.src}`), mayBeMade: true }];
  if (file.sizeBytes > LARGEST_TRIED_BYTES) return owner;
  const sent = rawShell("cat > archive; archive=./archive");
  return [...owner, { script: look(sent), content: { kind: "controller-file", file } }];
}

function unpackScript(want: Params, archive: string, sha256: string): ShellText {
  return shellLines(
    rawShell("set -eu"),
    SAFE_FOLDER,
    REFUSE,
    sh`archive=${archive}; sha256=${sha256}; plumb_enter ${want.dest} || exit 1`,
    sh`dest=$folder; cd -P -- ./${WORK} && [ "$(pwd -P)" = "\${dest%/}"/${WORK} ] && [ -O . ] || refuse ${`${WORK} was swapped by somebody`}`,
    sh`exec 7< .; trap ${`cd -P /proc/self/fd/7/.. && rm -rf -- ./${WORK}`} EXIT; trap 'exit 1' HUP INT TERM`,
    rawShell("work=/proc/self/fd/7; tree=./tree; mkdir -- tree; exec 6< tree"),
    LOOK_THROUGH,
    // The umask must not take away what the archive says.
    rawShell("umask 022"),
    rawShell('if [ "$kind" = zip ]; then'),
    sh`  unzip -q -o ${rawShell('"$archive"')} ${want.include} ${want.exclude.length === 0 ? [] : ["-x", ...want.exclude]} -d "$tree" >&2`,
    rawShell("else"),
    sh`  tar --extract --preserve-permissions ${want.keep_owner ? "--same-owner" : "--no-same-owner"} --delay-directory-restore ${want.exclude.map((pattern) => `--exclude=${pattern}`)} -f "$archive" -C "$tree" -- ${want.include}`,
    rawShell("fi"),
    rawShell(
      'bad=$(find "$tree" ! -type f ! -type d ! -type l -printf "%P\\n" | head -n 1); [ -z "$bad" ] || refuse "the archive has a device: $bad"',
    ),
    LINKS_STAY_INSIDE,
    ownerText(want),
    want.mode === undefined
      ? undefined
      : sh`find "$tree" -mindepth 1 ! -type l -exec chmod ${want.mode} -- '{}' +`,
    rawShell('cd -- "$tree"'),
    // What is a link in the destination could lead out of it as well.
    rawShell(
      'find . -mindepth 1 -type d -print0 | xargs -0r sh -c \'dest=$1; shift; for one; do at=$dest/${one#./}; if [ -L "$at" ]; then case $(realpath -m -- "$at") in "${dest%/}"/*) ;; *) printf "%s\\n" "$at"; exit 0;; esac; fi; if [ -e "$at" ] && [ ! -d "$at" ]; then printf "%s\\n" "$at"; exit 0; fi; done\' sh "$dest" > "$work/inside"',
    ),
    rawShell(
      '[ ! -s "$work/inside" ] || refuse "$(head -n 1 "$work/inside") is in the way: the archive has a directory there"',
    ),
    sh`find . -mindepth 1 -type d -print0 | sort -z | xargs -0r sh -c ${MAKE_DIRECTORIES} sh "$dest"`,
    rawShell(
      'find . -mindepth 1 ! -type d -print0 > "$work/files"; find . -mindepth 1 -printf \'%P\\0\' | sort -z > "$work/paths"',
    ),
    rawShell('find . -mindepth 1 -type f -print0 | xargs -0r sha256sum -- > "$work/contents"'),
    rawShell('xargs -0r sync -- < "$work/files" 2>/dev/null || sync'),
    sh`find . -type d -print0 | xargs -0r sh -c ${PLACE_FILES} sh "$dest"`,
    sh`find . -mindepth 1 -depth -type d -print0 | xargs -0r sh -c ${SET_MODES} sh "$dest"`,
    UNPACKED_FOLDER,
    sh`record=$kept/${idOf(want)}; (umask 077; rm -rf -- "$record"; mkdir -p -- "$record")`,
    rawShell('plumb_enter "$dest"; cp -- "$work/paths" "$work/contents" "$record/"'),
    rawShell(`${DESCRIBE_PATHS} > "$record/attributes"`),
    rawShell(
      'printf \'%s\' "$sha256" > "$record/archive.new"; sync -- "$record"/*; mv -f -- "$record/archive.new" "$record/archive"',
    ),
  );
}

/** For each directory of the tree, as `one`: goes to where it is in the destination, and does this there. `from` is what was unpacked. */
function inEachDirectory(act: string): string {
  return `${SAFE_FOLDER.shell}
dest=$1; shift
for one; do (
  from=/proc/self/fd/6/$one; at=\${dest%/}\${one#.}
  plumb_inside() {
    plumb_enter "\${1:-/}" || exit 1
    case \${folder%/}/ in "\${dest%/}"/*) ;; *) echo "$1 leads out of $dest" >&2; exit 1;; esac
  }
  ${act}
) || exit 1; done`;
}

const MAKE_DIRECTORIES = inEachDirectory(
  'plumb_inside "${at%/*}"; [ -d "./${at##*/}" ] || mkdir -- "./${at##*/}" || exit 1; plumb_inside "$at"; chown --reference="$from" -- . 2>/dev/null || true',
);
const PLACE_FILES = inEachDirectory(
  'plumb_inside "$at"; for file in "$from"/* "$from"/.[!.]* "$from"/..?*; do if [ -L "$file" ] || [ -f "$file" ]; then mv -fT -- "$file" "./${file##*/}" || exit 1; fi; done',
);
const SET_MODES = inEachDirectory('plumb_inside "$at"; chmod --reference="$from" -- .');

function ownerText({ owner, group, keep_owner: keeps }: Params): ShellText | undefined {
  if (keeps) return undefined;
  const wanted = `${owner ?? ""}${group === undefined ? "" : `:${group}`}`;
  return wanted === "" ? undefined : sh`chown -R -h -- ${wanted} "$tree"`;
}
