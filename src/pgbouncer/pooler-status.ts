import { rawShell } from "../shell/shell-text.ts";
import { driftedSettings } from "./drifted-settings.ts";
import { parseIni } from "./ini.ts";

/** One PgBouncer process of a host, as its console, its files and systemd describe it. */
export interface PoolerStatus {
  instance: string;
  /** systemd's word: active, inactive, failed. */
  unit: string;
  /** undefined: the console did not answer. */
  version: string | undefined;
  /** Why there is nothing from the console. */
  trouble: string | undefined;
  isPaused: boolean;
  clients: { used: number; most: number; waiting: number };
  pools: PoolStatus[];
  certificates: { path: string; daysLeft: number }[];
  drift: { setting: string; file: string; running: string }[];
  /** What the health endpoint says; undefined where there is none. */
  health: { status: number; reason: string; message: string } | undefined;
}

export interface PoolStatus {
  database: string;
  user: string;
  clientsActive: number;
  clientsWaiting: number;
  maxWaitSeconds: number;
  serversActive: number;
  servers: number;
  /** 0: without limit. */
  poolSize: number;
  state: "on" | "paused" | "disabled";
}

const [FIELD, RECORD, PART] = ["\x1f", "\x1e", "\x1d"];
const SHOWS = ["VERSION", "LISTS", "DATABASES", "POOLS", "CONFIG", "STATE"] as const;

/**
 * Asks every instance of a host in one go, as root. The console is reached through its socket as PgBouncer's own user, so no password is needed, and psql has to be
 * there (the health endpoint's role installs it). SHOW STATE is unknown before 1.19; that answer is left out.
 */
export const poolerStatusScript = rawShell(`part() { printf '\\035%s\\n' "$*"; }
exec 3>&1
part clock; date +%s
health_port=$(systemctl show -p Listen plumb-pgbouncer-health.socket 2>/dev/null | sed -n 's/^Listen=.*:\\([0-9]*\\) (Stream)$/\\1/p' | head -n 1)
for config in /etc/pgbouncer/pgbouncer.ini /etc/pgbouncer/pgbouncer-*.ini; do
  [ -f "$config" ] || continue
  name=$(basename "$config" .ini)
  setting() { sed -n "s/^$1 *= *//p" "$config" | tail -n 1; }
  part instance "$name"
  part ini; cat -- "$config"
  part unit; systemctl show -p ActiveState --value -- "$name.service"
  for path in "$(setting client_tls_cert_file)" "$(setting client_tls_ca_file)"; do
    [ -f "$path" ] && part certificate "$path" && date -d "$(openssl x509 -enddate -noout -in "$path" | cut -d= -f2)" +%s
  done
  psql=$(ls /usr/lib/postgresql/*/bin/psql 2>/dev/null | tail -n 1)
  if [ -z "$psql" ]; then part trouble; echo 'there is no psql on this host: install postgresql-client (role pgbouncer_health does)'; continue; fi
  port=$(setting listen_port)
  said=$(cd / && PGCONNECT_TIMEOUT=3 timeout 8 setpriv --reuid pgbouncer --regid pgbouncer --clear-groups "$psql" -X -q -A -w -P footer=off -F "$(printf '\\037')" -R "$(printf '\\036')" \\
    ${SHOWS.map((show) => `-c '\\echo ${PART}show ${show}' -c 'SHOW ${show}'`).join(" ")} -h "$(setting unix_socket_dir)" -p "\${port:-6432}" -U pgbouncer pgbouncer 2>&1 1>&3) ||
    { part trouble; printf '%s\\n' "$said" | grep -v 'SHOW HELP\\|invalid command'; }
  part health; perl -MIO::Socket::INET -e 'alarm 9; my $to = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[1], Timeout => 2) or exit; print $to "GET /health/$ARGV[0] HTTP/1.0\\r\\n\\r\\n"; print while <$to>' "$name" "\${health_port:-9127}"
done
true`);

/** Reads what the script wrote. @throws Error when it is not that. */
export function parsePoolerStatus(output: string): PoolerStatus[] {
  const parts = output.split(PART).slice(1);
  const clock = Number(parts[0]?.split("\n")[1]);
  if (!Number.isFinite(clock)) throw new Error("the host's answer is not what was asked for");
  const instances: Map<string, string>[] = [];
  for (const part of parts.slice(1)) {
    const end = part.indexOf("\n");
    const [title, text] = [part.slice(0, end), part.slice(end + 1)];
    if (title.startsWith("instance ")) instances.push(new Map([["instance", title.slice(9)]]));
    else instances.at(-1)?.set(title, text);
  }
  return instances.map((instance) => statusOf(instance, clock));
}

function statusOf(instance: ReadonlyMap<string, string>, clock: number): PoolerStatus {
  const rows = (show: (typeof SHOWS)[number]): Map<string, string>[] =>
    tableOf(instance.get(`show ${show}`) ?? "");
  const running = new Map(rows("CONFIG").map((row) => [row.get("key") ?? "", row.get("value") ?? ""]));
  const file = parseIni(instance.get("ini") ?? "").get("pgbouncer") ?? new Map<string, string>();
  const version = /(\d+\.\d+\.\d+)/.exec(rows("VERSION")[0]?.get("version") ?? "")?.[1];
  const databases = rows("DATABASES");
  const pools = rows("POOLS")
    .filter((row) => row.get("database") !== "pgbouncer")
    .map((row) => poolOf(row, databases));
  const lists = new Map(rows("LISTS").map((row) => [row.get("list"), Number(row.get("items"))]));
  return {
    instance: instance.get("instance") ?? "",
    unit: (instance.get("unit") ?? "").trim(),
    version,
    trouble:
      version === undefined
        ? (instance.get("trouble") ?? "the console does not answer").trim().split("\n")[0]
        : undefined,
    isPaused: rows("STATE").some((row) => row.get("key") === "paused" && row.get("value") === "yes"),
    clients: {
      used: lists.get("used_clients") ?? 0,
      most: Number(running.get("max_client_conn") ?? 0),
      waiting: pools.reduce((sum, { clientsWaiting }) => sum + clientsWaiting, 0),
    },
    pools,
    certificates: [...instance].flatMap(([title, text]) =>
      title.startsWith("certificate ")
        ? [{ path: title.slice(12), daysLeft: Math.floor((Number(text) - clock) / 86_400) }]
        : [],
    ),
    drift: driftedSettings(file, running).map((setting) => ({
      setting,
      file: file.get(setting) ?? "",
      running: running.get(setting) ?? "",
    })),
    health: healthOf(instance.get("health") ?? ""),
  };
}

function poolOf(
  row: ReadonlyMap<string, string>,
  databases: readonly ReadonlyMap<string, string>[],
): PoolStatus {
  const number = (column: string): number => Number(row.get(column) ?? 0);
  const database = databases.find((one) => one.get("name") === row.get("database"));
  return {
    database: row.get("database") ?? "",
    user: row.get("user") ?? "",
    clientsActive: number("cl_active"),
    clientsWaiting: number("cl_waiting"),
    maxWaitSeconds: number("maxwait") + number("maxwait_us") / 1e6,
    serversActive: number("sv_active"),
    servers:
      number("sv_active") + number("sv_idle") + number("sv_used") + number("sv_tested") + number("sv_login"),
    poolSize: Number(database?.get("pool_size") ?? 0),
    state: database?.get("disabled") === "1" ? "disabled" : database?.get("paused") === "1" ? "paused" : "on",
  };
}

/** Rows by column name: the columns of SHOW commands stand in another order in every second version. */
function tableOf(text: string): Map<string, string>[] {
  const [header, ...rows] = text.replace(/\n$/, "").split(RECORD);
  const columns = (header ?? "").split(FIELD);
  return rows.map((row) => {
    const cells = row.split(FIELD);
    return new Map(columns.map((column, index) => [column, cells[index] ?? ""]));
  });
}

function healthOf(reply: string): PoolerStatus["health"] {
  const status = /^HTTP\/1\.1 (\d+)/.exec(reply)?.[1];
  const body = reply.split("\r\n\r\n")[1];
  if (status === undefined || body === undefined) return undefined;
  try {
    const { reason, message } = JSON.parse(body) as { reason?: unknown; message?: unknown };
    return { status: Number(status), reason: String(reason), message: String(message) };
  } catch {
    return undefined;
  }
}
