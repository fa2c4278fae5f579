import { z } from "zod";
import type { QueryMap } from "../queries/query.ts";
import type { Module, ModuleDefinition } from "./module.ts";

// Each schema is used a few times in a run: compiling a checker for it, as zod does unless told not to, takes longer than it saves.
z.config({ jitless: true });

/** Loads a module's code; only modules that a playbook uses are loaded. */
type LoadModule = () => Promise<Module>;

/**
 * Every module that ships: its canonical name, and how to load it. One line a module, in alphabetical order.
 * Aliases stand in `aliases`, so that a playbook can be checked without loading every module.
 */
const modules: Readonly<Record<string, LoadModule>> = {
  acl: async () => erased((await import("./acl.ts")).acl),
  alternatives: async () => erased((await import("./alternatives.ts")).alternatives),
  apt_key: async () => erased((await import("./apt-key.ts")).aptKey),
  apt_repository: async () => erased((await import("./apt-repository.ts")).aptRepository),
  archive: async () => erased((await import("./archive.ts")).archive),
  assemble: async () => erased((await import("./assemble.ts")).assemble),
  assert: async () => erased((await import("./assert.ts")).assert),
  async_status: async () => erased((await import("./async-status.ts")).asyncStatus),
  authorized_key: async () => erased((await import("./authorized-key.ts")).authorizedKey),
  blockinfile: async () => erased((await import("./blockinfile.ts")).blockinfile),
  command: async () => erased((await import("./command.ts")).command),
  copy: async () => erased((await import("./copy.ts")).copy),
  cron: async () => erased((await import("./cron.ts")).cron),
  debconf: async () => erased((await import("./debconf.ts")).debconf),
  debug: async () => erased((await import("./debug.ts")).debug),
  dnf: async () => erased((await import("./dnf.ts")).dnf),
  fail: async () => erased((await import("./fail.ts")).fail),
  fetch: async () => erased((await import("./fetch.ts")).fetch),
  file: async () => erased((await import("./file.ts")).file),
  filesystem: async () => erased((await import("./filesystem.ts")).filesystem),
  find: async () => erased((await import("./find.ts")).find),
  get_certificate: async () => erased((await import("./get-certificate.ts")).getCertificate),
  get_url: async () => erased((await import("./get-url.ts")).getUrl),
  git: async () => erased((await import("./git.ts")).git),
  getent: async () => erased((await import("./getent.ts")).getent),
  group: async () => erased((await import("./group.ts")).group),
  hostname: async () => erased((await import("./hostname.ts")).hostname),
  include_vars: async () => erased((await import("./include-vars.ts")).includeVars),
  ini_file: async () => erased((await import("./ini-file.ts")).iniFile),
  iptables: async () => erased((await import("./iptables.ts")).iptables),
  journal: async () => erased((await import("./journal.ts")).journal),
  known_hosts: async () => erased((await import("./known-hosts.ts")).knownHosts),
  lineinfile: async () => erased((await import("./lineinfile.ts")).lineinfile),
  locale_gen: async () => erased((await import("./locale-gen.ts")).localeGen),
  logrotate: async () => erased((await import("./logrotate.ts")).logrotate),
  lvg: async () => erased((await import("./lvg.ts")).lvg),
  modprobe: async () => erased((await import("./modprobe.ts")).modprobe),
  mount: async () => erased((await import("./mount.ts")).mount),
  nftables: async () => erased((await import("./nftables.ts")).nftables),
  package: async () => erased((await import("./package.ts")).packageModule),
  package_facts: async () => erased((await import("./package-facts.ts")).packageFacts),
  pam_limits: async () => erased((await import("./pam-limits.ts")).pamLimits),
  pause: async () => erased((await import("./pause.ts")).pause),
  pg_query: async () => erased((await import("./pg-query.ts")).pgQuery),
  pgbouncer_acceptance: async () => erased((await import("./pgbouncer-acceptance.ts")).pgbouncerAcceptance),
  pgbouncer_admin: async () => erased((await import("./pgbouncer-admin.ts")).pgbouncerAdmin),
  pgbouncer_capacity: async () => erased((await import("./pgbouncer-capacity.ts")).pgbouncerCapacity),
  pgbouncer_check: async () => erased((await import("./pgbouncer-check.ts")).pgbouncerCheck),
  pgbouncer_hba: async () => erased((await import("./pgbouncer-hba.ts")).pgbouncerHba),
  pgbouncer_ini: async () => erased((await import("./pgbouncer-ini.ts")).pgbouncerIni),
  pgbouncer_instances: async () => erased((await import("./pgbouncer-instances.ts")).pgbouncerInstances),
  pgbouncer_replaced: async () => erased((await import("./pgbouncer-replaced.ts")).pgbouncerReplaced),
  pgbouncer_restart: async () => erased((await import("./pgbouncer-restart.ts")).pgbouncerRestart),
  pgbouncer_userlist: async () => erased((await import("./pgbouncer-userlist.ts")).pgbouncerUserlist),
  postgresql_db: async () => erased((await import("./postgresql-db.ts")).postgresqlDb),
  postgresql_query: async () => erased((await import("./postgresql-query.ts")).postgresqlQuery),
  postgresql_user: async () => erased((await import("./postgresql-user.ts")).postgresqlUser),
  postgresql_verifiers: async () => erased((await import("./postgresql-verifiers.ts")).postgresqlVerifiers),
  raw: async () => erased((await import("./raw.ts")).raw),
  reboot: async () => erased((await import("./reboot.ts")).reboot),
  replace: async () => erased((await import("./replace.ts")).replace),
  rollback: async () => erased((await import("./rollback.ts")).rollback),
  script: async () => erased((await import("./script.ts")).script),
  service_facts: async () => erased((await import("./service-facts.ts")).serviceFacts),
  set_fact: async () => erased((await import("./set-fact.ts")).setFact),
  setup: async () => erased((await import("./setup.ts")).setup),
  shell: async () => erased((await import("./shell.ts")).shell),
  slurp: async () => erased((await import("./slurp.ts")).slurp),
  sshd_config: async () => erased((await import("./sshd-config.ts")).sshdConfig),
  stat: async () => erased((await import("./stat.ts")).stat),
  swap: async () => erased((await import("./swap.ts")).swap),
  sysctl: async () => erased((await import("./sysctl.ts")).sysctl),
  systemd: async () => erased((await import("./systemd.ts")).systemd),
  systemd_timer: async () => erased((await import("./systemd-timer.ts")).systemdTimer),
  systemd_unit: async () => erased((await import("./systemd-unit.ts")).systemdUnit),
  tempfile: async () => erased((await import("./tempfile.ts")).tempfile),
  template: async () => erased((await import("./template.ts")).template),
  timezone: async () => erased((await import("./timezone.ts")).timezone),
  tls_ca: async () => erased((await import("./tls-ca.ts")).tlsCa),
  tls_certificate: async () => erased((await import("./tls-certificate.ts")).tlsCertificate),
  tls_expiry: async () => erased((await import("./tls-expiry.ts")).tlsExpiry),
  ufw: async () => erased((await import("./ufw.ts")).ufw),
  unarchive: async () => erased((await import("./unarchive.ts")).unarchive),
  ufw_rules: async () => erased((await import("./ufw-rules.ts")).ufwRules),
  uri: async () => erased((await import("./uri.ts")).uri),
  user: async () => erased((await import("./user.ts")).user),
  wait_for: async () => erased((await import("./wait-for.ts")).waitFor),
  x509_certificate_info: async () => erased((await import("./x509-certificate-info.ts")).x509CertificateInfo),
};

/** Other names for modules, to canonical names. */
const aliases: Readonly<Record<string, string>> = {
  apt: "package",
  gather_facts: "setup",
  service: "systemd",
  systemd_service: "systemd",
  yum: "dnf",
};

/** Modules that users have put beside their playbooks, by name. */
const own = new Map<string, { file: string; load: LoadModule }>();

/**
 * Adds a module of a user's.
 *
 * @returns false when the name is taken by a module that ships, or by another file.
 */
export function registerModule(name: string, file: string, load: LoadModule): boolean {
  if (Object.hasOwn(modules, name) || Object.hasOwn(aliases, name)) return false;
  const before = own.get(name);
  if (before !== undefined) return before.file === file;
  own.set(name, { file, load });
  return true;
}

/** Canonical names of all modules that ship, sorted. */
export function moduleNames(): string[] {
  return Object.keys(modules);
}

/** Every name that a playbook may use, aliases too. */
export function moduleNamesAndAliases(): string[] {
  return [...Object.keys(modules), ...Object.keys(aliases), ...own.keys()].sort();
}

/**
 * The canonical name for what a playbook says: aliases, and `ansible.builtin.`, `community.postgresql.` and the like in front, are taken as people
 * write them.
 *
 * @returns undefined when no module has that name.
 */
export function canonicalModuleName(written: string): string | undefined {
  const name = written.replace(/^(ansible\.(builtin|posix)|community\.(general|postgresql|crypto))\./, "");
  if (Object.hasOwn(modules, name) || own.has(name)) return name;
  return Object.hasOwn(aliases, name) ? aliases[name] : undefined;
}

/** @throws Error when there is no such module: ask `canonicalModuleName` first. */
export async function loadModule(canonicalName: string): Promise<Module> {
  const load = modules[canonicalName] ?? own.get(canonicalName)?.load;
  if (load === undefined) throw new Error(`no module ${canonicalName}`);
  return load();
}

/** Forgets the type parameters, which the engine need not know. */
function erased<Params, Input, Queries extends QueryMap, Detail>(
  definition: ModuleDefinition<Params, Input, Queries, Detail>,
): Module {
  return definition as unknown as Module;
}
