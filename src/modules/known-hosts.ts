import { randomBytes } from "node:crypto";
import { z } from "zod";
import { homeFile } from "../queries/home-file.ts";
import { pathState } from "../queries/path-state.ts";
import { sh } from "../shell/shell-text.ts";
import { hostKeysOf, tellsName, withHashedName, withHostKeys, withoutHost } from "./known-hosts-text.ts";
import { requireFolder, textContent } from "./managed-file.ts";
import { defineModule } from "./module.ts";
import type { Step, WriteFileStep } from "./step.ts";

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^\s,*?!|]+$/, {
        error: "must be one host as ssh looks it up: a name, an address, or [name]:port",
      })
      .describe("The host: a name or an address; `[name]:port` for another port than 22."),
    key: z
      .string()
      .refine((text) => hostKeysOf(text).length > 0, {
        error:
          "must be public host keys, a line each: ssh-ed25519 AAAA…, with the host's name in front or not",
      })
      .optional()
      .describe(
        "Its public keys, a line each, as ssh-keyscan or the host's /etc/ssh/ssh_host_*_key.pub give them.",
      ),
    path: z
      .string()
      .regex(/^(\/|~\/)[^\0]*$/, { error: "must be an absolute path, or start with ~/" })
      .default("~/.ssh/known_hosts")
      .describe("The file; `~` is the home of the user as whom the task acts."),
    state: z
      .enum(["present", "absent"])
      .default("present")
      .describe(
        "`present`: the host has these keys; another key of the same type is replaced. `absent`: it is not known, or not by these keys.",
      ),
    hash_host: z.boolean().default(false).describe("Write the name as a hash, which does not tell it."),
  })
  .refine(({ state, key }) => state === "absent" || key !== undefined, {
    error: "give the `key`",
    path: ["key"],
  });

type Params = z.infer<typeof params>;

export const knownHosts = defineModule<
  Params,
  { at: ReturnType<typeof homeFile>; folder: ReturnType<typeof pathState> },
  { path: string; exists: boolean; text: string }
>({
  name: "known_hosts",
  summary: "Host keys that ssh on the host trusts",
  description:
    "A line that names several hosts loses only the name that is meant. Patterns and lines with markers (@cert-authority, @revoked) are left alone.",
  params,
  examples: [
    {
      title: "The key of a forge, for everybody on the host",
      yaml: "- known_hosts:\n    path: /etc/ssh/ssh_known_hosts\n    name: github.com\n    key: github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n",
    },
    {
      title: "Forgotten, as another user",
      yaml: "- known_hosts:\n    name: '[old.example.org]:2222'\n    state: absent\n  become_user: deploy\n",
    },
  ],
  returns: { path: "The file." },
  queries: ({ path }) => ({
    at: homeFile(path),
    folder: pathState({ path: path.startsWith("/") ? folderOf(path) : "/", follow: true }),
  }),
  diff: (want, { at, folder }, situation) => {
    const keys = want.key === undefined ? [] : hostKeysOf(want.key);
    const text =
      want.state === "absent"
        ? withoutHost(at.text, want.name, keys)
        : withHostKeys(at.text, want.name, keys, want.hash_host);
    const before = at.text === "" || at.text.endsWith("\n") ? at.text : `${at.text}\n`;
    const hashes = want.state === "present" && want.hash_host && tellsName(text, want.name);
    if (text === before && !hashes)
      return {
        action: "none",
        reason: want.state === "absent" ? `${want.name} is not known` : `the keys of ${want.name} are known`,
        data: { path: at.path },
      };
    // The directory itself is made by the step, those above it are not.
    if (!at.exists) requireFolder(folderOf(want.path), folder, situation);
    const shown = hashes ? text.replaceAll(new RegExp(`^${quoted(want.name)} `, "gm"), "|1|(hashed) ") : text;
    return {
      action: want.state === "absent" ? "delete" : at.exists ? "update" : "create",
      summary: want.state === "absent" ? `forget the keys of ${want.name}` : `know the keys of ${want.name}`,
      differences: [{ kind: "text", name: at.path, ...(at.exists ? { before: at.text } : {}), after: shown }],
      detail: { path: at.path, exists: at.exists, text },
      data: { path: at.path },
    };
  },
  steps: ({ detail, summary }, want): Step[] => {
    const write = (text: string): WriteFileStep => ({
      kind: "write-file",
      title: `write ${detail.path}`,
      path: detail.path,
      content: textContent(text),
      ...(detail.exists ? {} : { mode: detail.path.startsWith("/etc/") ? "0644" : "0600" }),
    });
    const folder = folderOf(detail.path);
    return [
      { kind: "script", title: `make ${folder}`, script: sh`[ -d ${folder} ] || mkdir -m 0700 -- ${folder}` },
      want.hash_host && want.state === "present"
        ? {
            kind: "controller",
            title: summary,
            run: async () => ({
              next: [write(withHashedName(detail.text, want.name, () => randomBytes(20)))],
            }),
          }
        : write(detail.text),
    ];
  },
});

const folderOf = (path: string): string => path.replace(/\/[^/]*$/, "") || "/";

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
