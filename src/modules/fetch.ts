import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const params = z.strictObject({
  src: absolutePath.describe("A file on the host."),
  dest: z
    .string()
    .min(1)
    .describe(
      "Where on the controller, relative to the playbook. With `flat: false`, a folder in which each host gets its own.",
    ),
  flat: z.boolean().default(false).describe("`dest` is the file itself."),
  fail_on_missing: z.boolean().default(true).describe("Fail when the file is not there."),
  validate_checksum: z
    .boolean()
    .default(true)
    .describe(
      "Fail, and keep what is there, when what arrived is not what the host had. `false`: for files that are written to meanwhile, such as logs.",
    ),
});

interface Input {
  src: string;
  target: string;
  failOnMissing: boolean;
  validates: boolean;
  /** SHA-256 of what the controller has; undefined: nothing. */
  have: string | undefined;
}

export const fetch = defineLoadingModule<
  z.infer<typeof params>,
  Input,
  { at: ReturnType<typeof pathState> },
  string | undefined
>({
  name: "fetch",
  summary: "Copies a file of the host to the controller",
  params,
  examples: [
    {
      title: "Into a folder for each host",
      yaml: "- fetch:\n    src: /etc/pgbouncer/pgbouncer.ini\n    dest: fetched/\n",
    },
    {
      title: "One file",
      yaml: "- fetch:\n    src: /etc/machine-id\n    dest: /tmp/machine-id\n    flat: true\n",
    },
  ],
  returns: { dest: "Path on the controller.", checksum: "SHA-256 of the content." },
  load: async (want, controller) => {
    const base = controller.resolvePath(want.dest);
    const host = String(controller.variable("inventory_hostname") ?? "host");
    const target = want.flat
      ? want.dest.endsWith("/")
        ? path.join(base, path.basename(want.src))
        : base
      : inside(base, host, want.src);
    return {
      src: want.src,
      target,
      failOnMissing: want.fail_on_missing,
      validates: want.validate_checksum,
      have: await hashOfFile(target),
    };
  },
  queries: ({ src }) => ({ at: pathState({ path: src, sha256: true }) }),
  diff: ({ src, target, failOnMissing, validates, have }, { at }, { changesPending }) => {
    if (at.type === "absent") {
      if (failOnMissing && changesPending)
        return {
          action: "create",
          summary: `fetch ${src}, which is not there yet`,
          differences: [
            { kind: "field", name: target, before: have ?? "absent", after: "what will be there" },
          ],
          detail: undefined,
          data: { dest: target },
        };
      if (failOnMissing) throw new ModuleFailure(`${src} is not there`);
      return { action: "none", reason: `${src} is not there` };
    }
    if (at.sha256 === undefined) throw new ModuleFailure(`${src} is no file`);
    const data = { dest: target, checksum: at.sha256 };
    if (have === at.sha256) return { action: "none", reason: `${target} is the same`, data };
    return {
      action: have === undefined ? "create" : "update",
      summary: `fetch ${src}`,
      differences: [{ kind: "field", name: target, before: have ?? "absent", after: at.sha256 }],
      detail: validates ? at.sha256 : undefined,
      data,
    };
  },
  touches: () => [],
  steps: (change, { src, target }) => [
    {
      kind: "controller",
      title: change.summary,
      run: async (host) => {
        await mkdir(path.dirname(target), { recursive: true });
        const unfinished = `${target}.${randomBytes(4).toString("hex")}.new`;
        const file = await open(unfinished, "wx", 0o600);
        const hash = createHash("sha256");
        try {
          for await (const piece of host.download(src)) {
            hash.update(piece);
            await file.write(piece);
          }
          refuseAnother(src, hash.digest("hex"), change.detail);
          await file.sync();
          await file.close();
          await rename(unfinished, target);
        } catch (error) {
          await file.close().catch(() => undefined);
          await rm(unfinished, { force: true });
          throw error;
        }
        return {};
      },
    },
  ],
});

/** A host must not choose where on the controller a file goes: neither its name nor a path with `..` may lead out of the folder. */
function inside(base: string, host: string, src: string): string {
  const folder = path.join(base, host);
  const target = path.join(folder, src);
  if (
    host.includes("/") ||
    path.dirname(folder) !== path.resolve(base) ||
    !target.startsWith(folder + path.sep)
  )
    throw new ModuleFailure(`${src} would lead out of ${base}`);
  return target;
}

/** @throws ModuleFailure */
function refuseAnother(src: string, arrived: string, expected: string | undefined): void {
  if (expected !== undefined && arrived !== expected)
    throw new ModuleFailure(`${src} changed while it was fetched: nothing was kept`, {
      hint: "try again, or write validate_checksum: false for a file that is always being written to",
      data: { checksum: arrived, remote_checksum: expected },
    });
}

async function hashOfFile(file: string): Promise<string | undefined> {
  const information = await stat(file).catch(() => undefined);
  if (information?.isFile() !== true) return undefined;
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
