import type { PoolerStatus, PoolStatus } from "../pgbouncer/pooler-status.ts";
import type { Paint } from "./colour.ts";
import { safeText } from "./safe-text.ts";
import { tableLines } from "./table.ts";

/** A host's poolers, or why nothing is known of them. */
export interface HostPoolers {
  host: string;
  poolers?: readonly PoolerStatus[];
  error?: string;
}

const FEW_DAYS = 21;

/** One screen: a line for each pooler, then their pools, then whatever is wrong. */
export function poolerStatusLines(hosts: readonly HostPoolers[], paint: Paint): string[] {
  const all = hosts.flatMap(({ host, poolers }) =>
    (poolers ?? []).map((pooler) => ({ name: nameOf(host, pooler), pooler })),
  );
  const bold = (cells: readonly string[]): string[] => cells.map((cell) => paint("bold", cell));
  const summary = [
    bold(["POOLER", "VERSION", "UNIT", "HEALTH", "CLIENTS", "WAITING", "CERTIFICATE", "DRIFT"]),
    ...all.map(({ name, pooler }) => summaryRow(name, pooler, paint)),
  ];
  const pools = all.flatMap(({ name, pooler }) => pooler.pools.map((pool) => poolRow(name, pool, paint)));
  const trouble = [
    ...hosts.flatMap(({ host, error }) => (error === undefined ? [] : [`${host}: ${error}`])),
    ...all.flatMap(({ name, pooler }) => troubleOf(pooler).map((text) => `${name}: ${text}`)),
  ].map((line) => paint("red", safeText(line)));
  return [
    ...(all.length === 0 ? [] : tableLines(summary)),
    ...(pools.length === 0
      ? []
      : [
          "",
          ...tableLines([
            bold(["POOL", "", "SERVERS", "UTILISATION", "CLIENTS", "WAITING", "LONGEST"]),
            ...pools,
          ]),
        ]),
    ...(trouble.length === 0 ? [] : ["", ...trouble]),
  ];
}

const nameOf = (host: string, { instance }: PoolerStatus): string =>
  safeText(instance === "pgbouncer" ? host : `${host}/${instance}`);

function summaryRow(name: string, pooler: PoolerStatus, paint: Paint): string[] {
  const { health, clients, certificates, drift } = pooler;
  const days =
    certificates.length === 0 ? undefined : Math.min(...certificates.map(({ daysLeft }) => daysLeft));
  return [
    name,
    safeText(pooler.version ?? "-"),
    pooler.unit === "active" ? pooler.unit : paint("red", safeText(pooler.unit)),
    health === undefined
      ? "-"
      : health.status === 200
        ? paint("green", "ok")
        : paint("red", safeText(health.reason)),
    `${clients.used}/${clients.most}`,
    clients.waiting === 0 ? "0" : paint("yellow", String(clients.waiting)),
    days === undefined ? "-" : days < FEW_DAYS ? paint("red", `${days} days`) : `${days} days`,
    drift.length === 0 ? "none" : paint("red", `${drift.length} settings`),
  ];
}

function poolRow(name: string, pool: PoolStatus, paint: Paint): string[] {
  const used = pool.poolSize === 0 ? undefined : Math.round((100 * pool.serversActive) / pool.poolSize);
  const utilisation =
    used === undefined
      ? "no limit"
      : `${"█".repeat(Math.min(10, Math.round(used / 10))).padEnd(10, "·")} ${used} %`;
  return [
    safeText(`${name} ${pool.database}/${pool.user}`),
    pool.state === "on" ? "" : paint("red", safeText(pool.state)),
    `${pool.serversActive} of ${pool.servers} busy, ${pool.poolSize} at most`,
    used !== undefined && used >= 80 ? paint("yellow", utilisation) : utilisation,
    String(pool.clientsActive),
    pool.clientsWaiting === 0 ? "0" : paint("yellow", String(pool.clientsWaiting)),
    pool.maxWaitSeconds === 0 ? "-" : `${pool.maxWaitSeconds.toFixed(1)} s`,
  ];
}

function troubleOf(pooler: PoolerStatus): string[] {
  const { health, certificates, drift, trouble, isPaused } = pooler;
  return [
    ...(trouble === undefined ? [] : [trouble]),
    ...(isPaused ? ["everything is paused: RESUME lets clients go on"] : []),
    ...(health === undefined || health.status === 200 ? [] : [`${health.reason}: ${health.message}`]),
    ...drift.map(({ setting, file, running }) => `${setting} is ${running}, the file says ${file}`),
    ...certificates
      .filter(({ daysLeft }) => daysLeft < FEW_DAYS)
      .map(({ path, daysLeft }) => `${path} ends in ${daysLeft} days`),
  ];
}

/** Whether somebody should look: nothing answers, a client would not be served, a setting has drifted, a certificate ends soon. */
export function needsAttention({ poolers, error }: HostPoolers): boolean {
  return (
    error !== undefined ||
    poolers === undefined ||
    poolers.length === 0 ||
    poolers.some((pooler) => troubleOf(pooler).length > 0)
  );
}
