import { z } from "zod";
import { driftedSettings } from "../pgbouncer/drifted-settings.ts";
import { parseIni } from "../pgbouncer/ini.ts";
import { settingNamed } from "../pgbouncer/settings.ts";
import { isWrittenSince } from "../queries/written-since.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Value } from "../variables/value.ts";
import { drainRemovedDatabases } from "./drain-removed-databases.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { pausePooler, resumePooler } from "./pause-pooler.ts";
import { askUntil, type Login, loginOf, loginParams } from "./pg-query.ts";
import { RESTART_NEEDED } from "./pgbouncer-userlist.ts";
import { betweenLogins } from "./reload-pooler.ts";
import type { StepHost } from "./step.ts";
import type { Subject } from "./subject.ts";

const params = z.strictObject({
  ...loginParams,
  command: z
    .string()
    .min(1)
    .describe(
      "`apply`: whatever makes the running process follow its files, RELOAD if that is enough, otherwise a restart. Or a command of the console: RELOAD, PAUSE, RESUME, DISABLE app, SHOW POOLS.",
    ),
  config: absolutePath
    .default("/etc/pgbouncer/pgbouncer.ini")
    .describe("For `apply`: the configuration file."),
  service: z.string().default("pgbouncer").describe("For `apply` and `resume_after`: the service."),
  drain_seconds: z
    .number()
    .min(0)
    .max(3600)
    .default(30)
    .describe(
      "For `apply`: how long the clients of a database that is taken out of the file have to leave, and then their transactions to end.",
    ),
  resume_after: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      "For PAUSE of everything: after so many seconds the host resumes by itself, whatever becomes of the controller.",
    ),
});

type Params = z.infer<typeof params>;

interface Applied {
  what: string;
  rows: Value;
  unchanged?: boolean;
}

export const pgbouncerAdmin = defineLoadingModule<
  Params,
  { want: Params; login: Login },
  Record<string, never>,
  undefined
>({
  name: "pgbouncer_admin",
  summary: "PgBouncer's console: apply the configuration, pause, resume, show",
  description:
    "`apply` compares SHOW CONFIG with the file: where a setting differs that only a restart applies, or the unit has been written or a user taken out of the userlist (`pgbouncer_userlist: restart_without`) since the service was started, it restarts the service; otherwise it sends RELOAD. Afterwards SHOW CONFIG must say what the file says, and the log no error: PgBouncer answers RELOAD even to a file that it could not read. Databases that are in the file no more are drained before a RELOAD, which would cut transactions otherwise: no new clients, `drain_seconds` for those who are there to leave, then they are cut between two transactions. RELOAD and RECONNECT wait for logins to PostgreSQL that are under way, ten seconds at most: PgBouncer would cut them, take that for logins that failed, and refuse clients until `server_login_retry` has passed. A PAUSE that is not complete within `timeout` seconds is taken back, and the task fails.",
  params,
  secretParams: ["password"],
  examples: [
    {
      title: "A handler",
      yaml: '- name: apply the pgbouncer configuration\n  pgbouncer_admin:\n    command: apply\n    host: "{{ ansible_host }}"\n    user: pgb_admin\n    password: "{{ pgbouncer_admin_password }}"\n    ca_file: pki/ca.crt\n    server_name: "{{ inventory_hostname }}"\n',
    },
    {
      title: "Clients wait, for five minutes at most",
      yaml: '- pgbouncer_admin:\n    command: PAUSE\n    timeout: 20\n    resume_after: 300\n    socket: /run/pgbouncer\n    user: pgb_admin\n    password: "{{ pgbouncer_admin_password }}"\n',
    },
    {
      title: "Who waits?",
      yaml: '- pgbouncer_admin:\n    command: SHOW POOLS\n    user: pgb_stats\n    password: "{{ stats_password }}"\n    ca_file: pki/ca.crt\n  register: pools\n',
    },
  ],
  returns: { rows: "What a SHOW command answered.", what: "What `apply` did: start, reload or restart." },
  load: async (want, controller) => ({
    want,
    login: await loginOf(want, "pgbouncer", controller.resolvePath),
  }),
  queries: () => ({}),
  diff: ({ want }) => ({
    action: "run",
    summary: want.command === "apply" ? "have PgBouncer follow its configuration" : want.command,
    differences: [],
    detail: undefined,
  }),
  touches: ({ want }, change) => {
    if (change === undefined || /^SHOW/i.test(want.command)) return [];
    if (want.command !== "apply" && want.command !== "RELOAD")
      return [{ kind: "lost", what: `the console was told ${want.command}` }];
    return [againSubject(`${want.service}.service`)];
  },
  steps: (change, { want, login }) => [
    {
      kind: "controller",
      title: change.summary,
      run: async (host) => ({
        output: {
          title: change.summary,
          data: want.command === "apply" ? await apply(host, want, login) : await command(host, want, login),
        },
      }),
    },
  ],
  result: ({ want }, outputs) => {
    const applied = (outputs[0]?.data as Applied | undefined) ?? { what: want.command, rows: [] };
    const { what, rows, unchanged } = applied;
    return {
      changed: unchanged !== true && !/^\s*show\b/i.test(want.command),
      message: what,
      data: { what, rows },
    };
  },
});

async function command(host: StepHost, want: Params, login: Login): Promise<Applied> {
  const verb = /^\s*(pause|resume)\b/i.exec(want.command)?.[1]?.toLowerCase();
  if (verb !== undefined) {
    const act = verb === "pause" ? pausePooler : resumePooler;
    const changed = await act(
      host,
      {
        command: want.command.trim(),
        service: want.service,
        timeoutSeconds: want.timeout,
        resumeAfterSeconds: want.resume_after,
      },
      login,
    );
    return { what: changed ? want.command : `is ${verb}d already`, rows: [], unchanged: !changed };
  }
  if (/^\s*(reload|reconnect)\b/i.test(want.command)) {
    await betweenLogins(host, login, want.command, want.timeout);
    return { what: want.command, rows: [] };
  }
  const { answers } = await askUntil(host, login, [want.command], want.timeout);
  return { what: want.command, rows: JSON.parse(JSON.stringify(answers[0]?.rows ?? [])) as Value };
}

/** A process that was started anew since then may have settings that only another start takes back. */
function againSubject(unit: string): Subject {
  const script = shellLines(
    sh`unit=${unit}; systemctl -q is-active "$unit" || exit 0`,
    rawShell('since=$(date -d "$(systemctl show -p ActiveEnterTimestamp --value -- "$unit")" +%s) || exit 1'),
    rawShell('if [ "$since" -ge "$1" ]; then systemctl restart -- "$unit"; exit; fi'),
    // A login that is under way would be ended (betweenLogins); without the console, whether there is one shows in the log alone.
    rawShell(
      `tries=0; while [ $tries -lt 20 ] && journalctl -q -o cat -u "$unit" --since=-1s | grep -q 'new connection to server'; do sleep 0.5; tries=$((tries + 1)); done`,
    ),
    rawShell('systemctl reload -- "$unit"'),
  );
  return { kind: "again", title: `${unit} reads its configuration`, script };
}

/** @throws ModuleFailure when the process does not follow the file afterwards. */
async function apply(host: StepHost, want: Params, login: Login): Promise<Applied> {
  const service = `${want.service}.service`;
  const { file, active, logEnd, unitIsNewer, userlistIsNewer } = await look(host, want.config, service);
  const sections = parseIni(file);
  let wanted: ReadonlyMap<string, string> = sections.get("pgbouncer") ?? new Map<string, string>();
  const restartedFor = async (why: string): Promise<Applied> => {
    await restart(host, service);
    await refuseSilentFailure(host, want, login, { wanted, service, logEnd });
    return { what: why, rows: [] };
  };
  if (!active) return restartedFor("started");
  if (unitIsNewer) return restartedFor("restarted for its unit");
  if (userlistIsNewer) return restartedFor("restarted for users who are in the userlist no more");
  const running =
    (await showConfig(host, want, login)) ?? (await showConfigAfterSignal(host, want, login, service));
  if (running === undefined) return restartedFor("restarted: the console did not let us in");
  wanted = withRemoved(wanted, running.defaults);
  const stale = driftedSettings(wanted, running.values).filter(
    (name) => settingNamed("pgbouncer", name)?.reloadable === false,
  );
  if (stale.length > 0) return restartedFor(`restarted for ${stale.join(", ")}`);
  const drained = await drainRemovedDatabases(
    host,
    login,
    [...(sections.get("databases")?.keys() ?? [])],
    want.drain_seconds,
  );
  await betweenLogins(host, login, "RELOAD", want.timeout);
  await refuseSilentFailure(host, want, login, { wanted, service, logEnd });
  return { what: ["reloaded", ...drained].join("; "), rows: [] };
}

/** What is taken out of the file returns to its default, but where that needs a restart a RELOAD says nothing and leaves it as it is. */
function withRemoved(
  wanted: ReadonlyMap<string, string>,
  defaults: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const forRestart = [...defaults].filter(([name]) => settingNamed("pgbouncer", name)?.reloadable === false);
  return new Map([...forRestart, ...wanted]);
}

interface Seen {
  file: string;
  active: boolean;
  /**
   * Where its complaints end, as journalctl(1) takes it: a time has whole seconds only, and what a RELOAD in the same second said would count again. The cursor is that of a
   * complaint: behind one that is not among what is asked for, journalctl of systemd 252 leaves the first out.
   */
  logEnd: string;
  /** Its unit has been written since it was started. */
  unitIsNewer: boolean;
  /** A user has been taken out of the userlist since it was started. */
  userlistIsNewer: boolean;
}

/** What there is: the file, whether the service runs, and what has been written since it was started. */
async function look(host: StepHost, config: string, service: string): Promise<Seen> {
  const result = await host.run(
    shellLines(
      sh`set -e; cat -- ${config}; unit=${service}; users=${RESTART_NEEDED}`,
      rawShell(
        `{ date '+now=%s.%N'; read -r up rest < /proc/uptime; echo "up=$up"
systemctl show -p ActiveState,ActiveEnterTimestampMonotonic -- "$unit"
echo "entered=$(date -d "$(systemctl show -p ActiveEnterTimestamp --value -- "$unit")" +%s)"
for path in $(systemctl show -p FragmentPath,DropInPaths --value -- "$unit"); do stat -c 'written=%.9Y' -- "$path"; done
[ ! -e "$users" ] || stat -c 'users=%.9Y' -- "$users"
journalctl --sync; journalctl --no-pager -q -n 1 -o cat -p warning -u "$unit" --show-cursor | sed -n 's/^-- cursor: /cursor=/p'; } >&2`,
      ),
    ),
  );
  const said = result.stderr.toString();
  if (result.exitCode !== 0)
    throw new ModuleFailure(`${config} and ${service} can't be looked at: ${said.trim().split("\n").at(-1)}`);
  const number = (name: string): number => Number(new RegExp(`^${name}=([\\d.]+)$`, "m").exec(said)?.[1]);
  const start = {
    now: number("now"),
    up: number("up"),
    upThen: number("ActiveEnterTimestampMonotonic") / 1e6,
    clockThen: number("entered"),
  };
  const [, cursor] = /^cursor=(\S+)$/m.exec(said) ?? [];
  const written = [...said.matchAll(/^written=([\d.]+)$/gm)].map(([, time]) => Number(time));
  return {
    file: result.stdout.toString(),
    active: /^ActiveState=(active|reloading)$/m.test(said),
    logEnd: cursor === undefined ? `--since=@${Math.floor(number("now"))}` : `--after-cursor=${cursor}`,
    unitIsNewer: written.some((time) => isWrittenSince(start, time)),
    userlistIsNewer: isWrittenSince(start, number("users")),
  };
}

/** SHOW CONFIG by name. */
interface RunningConfig {
  values: Map<string, string>;
  defaults: Map<string, string>;
}

/** undefined: the running process knows no such administrator yet, so only a restart can help. */
async function showConfig(host: StepHost, want: Params, login: Login): Promise<RunningConfig | undefined> {
  try {
    const { answers } = await askUntil(host, login, ["SHOW CONFIG"], Math.min(5, want.timeout));
    const column = (name: string): Map<string, string> =>
      new Map((answers[0]?.rows ?? []).map((row) => [String(row["key"]), String(row[name] ?? "")]));
    return { values: column("value"), defaults: column("default") };
  } catch (error) {
    if (error instanceof ModuleFailure) return undefined;
    throw error;
  }
}

/** The console may refuse us for what has just been replaced: its certificate, the administrator's password. A RELOAD by signal needs no console. */
async function showConfigAfterSignal(
  host: StepHost,
  want: Params,
  login: Login,
  service: string,
): Promise<RunningConfig | undefined> {
  await host.run(sh`systemctl reload ${service}; sleep 0.5`);
  return showConfig(host, want, login);
}

/**
 * What PgBouncer says in its log of a RELOAD that went well (1.18 and 1.24): lines about one client's or server's connection (C-0x…, S-0x…), its count of file
 * descriptors, which databases are in the file no more, and a peer that went away without closing its TLS session, or never came to have one (a client that
 * does not trust the certificate, a scanner).
 */
const HARMLESS =
  "[CS]-0x|TLS handshake error: |tls_sbufio_(recv|send): |kernel file descriptor|dropping database '.*' as it does not exist anymore|^$";

async function refuseSilentFailure(
  host: StepHost,
  want: Params,
  login: Login,
  { wanted, service, logEnd }: { wanted: ReadonlyMap<string, string>; service: string; logEnd: string },
): Promise<void> {
  const left = driftedSettings(wanted, (await showConfig(host, want, login))?.values);
  const log = await host.run(
    shellLines(
      // The journal may be behind with what a process has written on standard error.
      sh`journalctl --sync; journalctl --no-pager -q -o cat -p warning -u ${service} ${logEnd} | grep -v -E ${HARMLESS}`,
      rawShell("exit 0"),
    ),
  );
  const errors = log.stdout.toString().trim();
  if (left.length === 0 && errors === "") return;
  throw new ModuleFailure(
    left.length > 0
      ? `PgBouncer was reloaded and still has other values of ${left.join(", ")}`
      : `PgBouncer was reloaded and complains: ${errors.split("\n").at(-1) ?? ""}`,
    { hint: `journalctl -u ${service} on the host says more` },
  );
}

async function restart(host: StepHost, service: string): Promise<string> {
  const result = await host.run(
    // Otherwise systemd refuses one that has failed too often before its configuration was whole.
    sh`systemctl reset-failed ${service} 2>/dev/null; systemctl restart ${service} || { journalctl --no-pager -o cat -n 10 -u ${service} >&2; exit 1; }`,
    { timeoutMs: 180_000 },
  );
  if (result.exitCode === 0) return "restarted";
  throw new ModuleFailure(
    `${service} does not start: ${result.stderr.toString().trim().split("\n").slice(-3).join(" | ")}`,
  );
}
