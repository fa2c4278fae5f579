import { z } from "zod";
import { authorizedKeys } from "../queries/authorized-keys.ts";
import { pathState } from "../queries/path-state.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { joinLines, linesOf } from "./edited-file.ts";
import { textContent } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath, accountName } from "./parameter-types.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";

const keyLine = z.string().regex(/^\s*(ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/]+=*( .*)?\s*$/m, {
  error: "must be public keys, a line each: ssh-ed25519 AAAA… comment",
});

const params = z.strictObject({
  user: accountName.describe("Whose keys."),
  key: keyLine.describe("One public key or several, a line each."),
  state: z.enum(["present", "absent"]).default("present").describe("Whether they may log in."),
  path: absolutePath
    .optional()
    .describe(
      "The file, where it is not .ssh/authorized_keys of the user. It is root's then, readable for all, in a directory that is there already: as sshd wants it of /etc/ssh/authorized_keys/USER.",
    ),
  exclusive: z.boolean().default(false).describe("Nobody else may: other keys are removed."),
  key_options: z
    .string()
    .regex(/^[^\n]*$/, { error: "must be one line" })
    .optional()
    .describe('Options before the key, such as from="10.0.0.0/8".'),
});

type Params = z.infer<typeof params>;

export const authorizedKey = defineModule<
  Params,
  { at: ReturnType<typeof authorizedKeys>; directory: ReturnType<typeof pathState> },
  string
>({
  name: "authorized_key",
  summary: "SSH keys that may log in as a user",
  params,
  examples: [
    {
      title: "A key",
      yaml: "- authorized_key:\n    user: deploy\n    key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V ci\n",
    },
    {
      title: "Only these",
      yaml: '- authorized_key:\n    user: deploy\n    key: "{{ keys }}"\n    exclusive: true\n  vars:\n    keys: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V ci\n',
    },
    {
      title: "Gone",
      yaml: "- authorized_key:\n    user: deploy\n    key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V\n    state: absent\n",
    },
  ],
  queries: ({ user, path }) => ({
    at: authorizedKeys({ user, path }),
    directory: pathState({ path: path?.replace(/\/[^/]*$/, "") || "/" }),
  }),
  diff: (want, { at, directory }, { changesPending }) => {
    if (at.home === undefined && !changesPending) throw new ModuleFailure(`there is no user ${want.user}`);
    if (directory.type === "absent" && !changesPending)
      throw new ModuleFailure(`the directory of ${String(want.path)} is not there`, {
        hint: "the module `file` makes it",
      });
    const before = linesOf(at.text);
    const after = wantedLines(want, before);
    if (before.join("\n") === after.join("\n")) return { action: "none", reason: "the keys are as wanted" };
    return {
      action: "update",
      summary: `set the keys of ${want.user}`,
      differences: [
        {
          kind: "text",
          name: want.path ?? `${at.home ?? "~"}/.ssh/authorized_keys`,
          before: joinLines(before),
          after: joinLines(after),
        },
      ],
      detail: joinLines(after),
    };
  },
  touches: ({ user, path }) =>
    path === undefined
      ? [{ kind: "lost", what: `the keys of ${user}: a file in a home directory is not restored by root` }]
      : pathsTouched(path),
  steps: (change, { user, path }) => [
    path !== undefined
      ? writeStep(path, change.summary, change.detail)
      : {
          kind: "script",
          title: change.summary,
          stdin: Buffer.from(change.detail),
          // As the user: a home directory full of links must not lead root anywhere.
          script: shellLines(
            sh`exec runuser -u ${user} -- /bin/sh -c ${"umask 077; cd ~ && mkdir -p .ssh && chmod 0700 .ssh && cat > .ssh/authorized_keys.new && chmod 0600 .ssh/authorized_keys.new && mv -f .ssh/authorized_keys.new .ssh/authorized_keys"}`,
            rawShell(""),
          ),
        },
  ],
});

/** sshd trusts a file outside of a home directory when nobody but root can write it (StrictModes). */
function writeStep(path: string, title: string, text: string): Step {
  const content = textContent(text);
  return { kind: "write-file", title, path, content, owner: "root", group: "root", mode: "0644" };
}

/** Two lines are the same key whatever their options and comments. */
function blobOf(line: string): string | undefined {
  return /(?:^|\s)((?:ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/]+=*)/.exec(line)?.[1];
}

function wantedLines(want: Params, before: readonly string[]): string[] {
  const keys = linesOf(want.key.trim())
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const blobs = new Set(keys.map(blobOf));
  const lines = keys.map((key) => (want.key_options === undefined ? key : `${want.key_options} ${key}`));
  if (want.state === "absent") return before.filter((line) => !blobs.has(blobOf(line)));
  if (want.exclusive) return lines;
  const kept = before.filter((line) => !blobs.has(blobOf(line)) || lines.includes(line));
  return [...kept, ...lines.filter((line) => !kept.includes(line))];
}
