import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { diffManagedFile, type ManagedFile, managedFileSteps } from "./managed-file.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { armoured, NoPublicKey, type OpenpgpKeys, readPublicKeys } from "./openpgp-key.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";

const notTaken = (error: string): z.ZodOptional<z.ZodNever> => z.never({ error }).optional();

const params = z
  .strictObject({
    keyring: z
      .string()
      .refine((path) => !/^\/etc\/apt\/trusted\.gpg(\.d\/|$)/.test(path), {
        error:
          "can't be there: a key in trusted.gpg would count for every repository. Write /etc/apt/keyrings/NAME.asc, and `Signed-By` in the repository",
      })
      .refine((path) => /^\/(etc\/apt|usr\/share)\/keyrings\/[A-Za-z0-9._-]+\.(asc|gpg|pgp)$/.test(path), {
        error: "must be a file in /etc/apt/keyrings that ends with .asc (text) or .gpg (binary)",
      })
      .optional()
      .describe(
        "The file on the host, in /etc/apt/keyrings: text if it ends with .asc, binary if with .gpg.",
      ),
    data: z.string().optional().describe("The public key, ASCII-armoured."),
    file: z
      .string()
      .optional()
      .describe("The public key as a file on the controller, in the role's `files/`; armoured or binary."),
    id: z
      .string()
      .transform((text) => text.replace(/^0x|\s/gi, "").toUpperCase())
      .pipe(
        z.string().regex(/^([0-9A-F]{16}|[0-9A-F]{40}|[0-9A-F]{64})$/, {
          error: "must be the fingerprint, 40 digits: a short one can be forged",
        }),
      )
      .optional()
      .describe("The fingerprint that one of the keys must have; anything else is refused."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether it is there."),
    url: notTaken(
      "is not taken: whoever answers there would be trusted blindly. Download the key once, look at its fingerprint, and put it into the role's `files/`, with `file` and `id` here",
    ).describe("Not taken: see `file`."),
    keyserver: notTaken(
      "is not taken: whoever answers there would be trusted blindly. Download the key once, look at its fingerprint, and put it into the role's `files/`, with `file` and `id` here",
    ).describe("Not taken: see `file`."),
  })
  .refine(({ keyring }) => keyring !== undefined, {
    error:
      "is needed: apt has no common keyring any more. Write `keyring: /etc/apt/keyrings/NAME.asc`, and `Signed-By: /etc/apt/keyrings/NAME.asc` in the repository; `apt_repository` does both with its `key`",
    path: ["keyring"],
  })
  .refine(({ state, data, file }) => state === "absent" || (data === undefined) !== (file === undefined), {
    error: "give the key: `data` or `file`",
    path: ["data"],
  });

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  path: string;
  /** undefined with `absent`. */
  keys: OpenpgpKeys | undefined;
}

export const aptKey = defineLoadingModule<
  Params,
  Input,
  { at: ReturnType<typeof pathState> },
  { attributes: boolean }
>({
  name: "apt_key",
  summary: "A signing key for apt, in a keyring of its own",
  description:
    "The key counts only for repositories that name the keyring in `Signed-By` (`signed-by=` in a line of sources.list). `apt_repository` brings its key along; this is for repositories that something else writes. It is read on the controller before anything is sent: a private key, a damaged one, or one with another fingerprint than `id` is refused.",
  params,
  examples: [
    {
      title: "A key from the role's files/",
      yaml: "- apt_key:\n    keyring: /etc/apt/keyrings/vendor.gpg\n    file: '{{vendor_key}}'\n    id: B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8\n  vars:\n    vendor_key: vendor.asc\n",
    },
    { title: "Gone", yaml: "- apt_key:\n    keyring: /etc/apt/keyrings/vendor.gpg\n    state: absent\n" },
  ],
  returns: { fingerprints: "Of all keys in the keyring.", keyring: "Path of the keyring." },
  load: async (want, controller) => {
    const path = want.keyring ?? "";
    if (want.state === "absent") return { want, path, keys: undefined };
    const content =
      want.file === undefined
        ? Buffer.from(want.data ?? "")
        : await (await controller.file(want.file, "files")).read();
    return { want, path, keys: keysOf(want, content) };
  },
  queries: ({ path }) => ({ at: pathState({ path, sha256: true }) }),
  diff: ({ path, keys }, { at }) => {
    if (keys === undefined) {
      if (at.type === "absent") return { action: "none", reason: `${path} is not there` };
      return {
        action: "delete",
        summary: `remove ${path}`,
        differences: [{ kind: "field", name: path, before: "present", after: "absent" }],
        detail: { attributes: false },
      };
    }
    const data = { fingerprints: keys.fingerprints, keyring: path };
    const change = diffManagedFile(fileOf(path, keys), at, "made by the module");
    if (change.action === "none") return { action: "none", reason: `${path} is as wanted`, data };
    const fields = change.differences.filter(({ kind }) => kind === "field");
    return {
      action: change.action,
      summary: `put the key into ${path}`,
      differences: [
        ...(change.detail.rewrite
          ? [
              {
                kind: "field" as const,
                name: path,
                before: at.type === "absent" ? "absent" : "something else",
                after: keys.fingerprints.join(", "),
              },
            ]
          : []),
        ...(at.type === "absent" ? [] : fields),
      ],
      detail: { attributes: !change.detail.rewrite },
      data,
    };
  },
  steps: ({ action, summary, detail }, { path, keys }): Step[] => {
    if (action === "delete" || keys === undefined)
      return [{ kind: "script", title: summary, script: sh`rm -f -- ${path}`, touches: pathsTouched(path) }];
    const folder = path.replace(/\/[^/]*$/, "");
    return [
      {
        kind: "script",
        title: `make ${folder}`,
        script: shellLines(rawShell("set -e"), sh`[ -d ${folder} ] || mkdir -p -m 0755 -- ${folder}`),
        touches: pathsTouched(folder),
      },
      ...managedFileSteps(fileOf(path, keys), { rewrite: !detail.attributes, attributes: true }),
    ];
  },
});

/** @throws ModuleFailure for what is no public key, or another one. */
function keysOf(want: Params, content: Buffer): OpenpgpKeys {
  const name = want.file === undefined ? "data" : "file";
  try {
    const keys = readPublicKeys(content);
    const { id } = want;
    if (id !== undefined && !keys.fingerprints.some((one) => one.endsWith(id)))
      throw new ModuleFailure(`the key has another fingerprint than ${id}: ${keys.fingerprints.join(", ")}`, {
        findings: [{ path: ["id"], message: `is not the fingerprint of this key` }],
      });
    return keys;
  } catch (error) {
    if (!(error instanceof NoPublicKey)) throw error;
    throw new ModuleFailure(`that is no public key: ${error.message}`, {
      cause: error,
      findings: [{ path: [name], message: `is no public key: ${error.message}` }],
    });
  }
}

function fileOf(path: string, keys: OpenpgpKeys): ManagedFile {
  const bytes = path.endsWith(".asc") ? Buffer.from(armoured(keys)) : keys.bytes;
  return { path, content: { kind: "bytes", bytes }, owner: "root", group: "root", mode: "0644" };
}
