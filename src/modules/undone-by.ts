import { z } from "zod";
import type { Module } from "./module.ts";

const FILE =
  "`file: {path: DEST, state: absent}` removes the file; `plumb rollback` puts back what was there";
const LOOKS = "nothing is left to undo: it only looks";
const COMMAND =
  "only who wrote the command knows what undoes it: another one, with `removes` or `when` so that it is not repeated";
const POOLER = "playbooks/remove-pgbouncer.yml removes all that belongs to a pooler";

/**
 * By module: what takes back what it does, where that is not `state: absent`. For its page, and for the test, which asks for a line of every module that ships.
 * What stands in backquotes and begins with a module's name is a task.
 */
const UNDONE_BY: Readonly<Record<string, string>> = {
  archive: `\`file: {path: DEST, state: absent}\` removes it; what \`remove: true\` took away comes back with \`unarchive: {src: DEST, dest: DIRECTORY, remote_src: true}\``,
  assemble: FILE,
  assert: LOOKS,
  async_status: `${LOOKS}. What is kept of the job goes with \`async_status: {jid: ID, mode: cleanup}\``,
  command: COMMAND,
  copy: FILE,
  debug: LOOKS,
  fail: LOOKS,
  fetch: "it changes nothing on the host: remove the file on the controller",
  find: LOOKS,
  get_certificate: LOOKS,
  get_url: FILE,
  getent: LOOKS,
  git: "`file: {path: DEST, state: absent}` removes the working tree; `git: {repo: REPO, dest: DEST, version: VERSION}` goes back to an earlier version",
  hostname: "the task with the former name; `plumb rollback` puts it back",
  include_vars: "nothing is left to undo: what it sets ends with the run",
  journal: LOOKS,
  package_facts: LOOKS,
  pause: "nothing is left to undo: it only waits",
  pg_query: LOOKS,
  pgbouncer_acceptance:
    "it changes nothing on the host: remove the report's folder on the controller. `forget: true` takes back the measurements that it is made of",
  pgbouncer_admin:
    "`command: resume` ends a pause; the former configuration, applied, undoes what was applied",
  pgbouncer_capacity: LOOKS,
  pgbouncer_check: LOOKS,
  pgbouncer_hba: `\`file: {path: PATH, state: absent}\` removes the file; ${POOLER}`,
  pgbouncer_ini: `\`file: {path: PATH, state: absent}\` removes the file; ${POOLER}`,
  pgbouncer_instances: "the role pgbouncer makes instances again, with a greater `pgbouncer_instances`",
  pgbouncer_replaced: LOOKS,
  pgbouncer_restart: "nothing is left to undo: the pooler is up again",
  pgbouncer_userlist: `\`file: {path: PATH, state: absent}\` removes the file; ${POOLER}`,
  postgresql_query: "only who wrote the query knows what undoes it: another one, with `unless`",
  postgresql_verifiers: LOOKS,
  raw: COMMAND,
  reboot: "nothing is left to undo: the host is up again",
  replace:
    "`plumb rollback` puts the file back; the text alone does not tell what stood there: another `replace` the other way round, if a pattern can",
  rollback: "`plumb rollback` of the rollback's own run",
  script: COMMAND,
  service_facts: LOOKS,
  set_fact:
    "nothing is left to undo: what it sets ends with the run, and with `cacheable: true` when its file in the folder of `--fact-cache` is removed",
  setup: LOOKS,
  shell: COMMAND,
  slurp: LOOKS,
  stat: LOOKS,
  systemd: "`systemd: {name: NAME, state: stopped, enabled: false, masked: false}`, whichever was set",
  tempfile: "`file: {path: PATH, state: absent}` with the result's `path`",
  template: FILE,
  timezone: "the task with the former zone; `plumb rollback` puts it back",
  tls_expiry: LOOKS,
  ufw: "`delete: true` for a rule, `ufw: {state: disabled}` for the firewall; `plumb rollback` puts all rules back",
  unarchive:
    "`file: {path: DEST, state: absent}` removes the directory; of one that holds more, a `file` for each of what `list_files` tells",
  uri: "what the server was asked for, it knows how to undo: another request. A file of `dest` goes with `file: {path: DEST, state: absent}`",
  wait_for: "nothing is left to undo: it only waits",
  x509_certificate_info: LOOKS,
};

/** What takes back what a module does, in one line; undefined where nobody has said it. */
export function undoneBy(module: Module): string | undefined {
  return UNDONE_BY[module.name] ?? (takesAbsent(module) ? "`state: absent`" : undefined);
}

/** It looks, waits, or sets variables: it never says that it has changed something. */
export const changesNothing = (module: Module): boolean =>
  UNDONE_BY[module.name]?.startsWith("nothing is left to undo") === true;

function takesAbsent({ params }: Module): boolean {
  const { properties } = z.toJSONSchema(params as z.ZodType, { io: "input", unrepresentable: "any" });
  const state = properties?.["state"];
  return typeof state === "object" && state.enum?.includes("absent") === true;
}
