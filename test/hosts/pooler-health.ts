import { onHost } from "./lab-hosts.ts";

/** One command on PgBouncer's console, through its socket, as its own user: no password and no playbook of ours has a part in it. */
export function consoleCommand(host: string, command: string, instance = "pgbouncer"): Promise<string> {
  return onHost(
    host,
    `cd / && setpriv --reuid pgbouncer --regid pgbouncer --clear-groups $(ls /usr/lib/postgresql/*/bin/psql | tail -n 1) -h /run/${instance} -p $(ls -A /run/${instance} | grep -oP "PGSQL.\\K[0-9]+$") -U pgbouncer -qAt -c '${command}' pgbouncer`,
  );
}

/** Rows of a SHOW command by column name: the columns' order differs between versions. */
export async function consoleRows(host: string, show: string): Promise<Record<string, string>[]> {
  const said = await onHost(
    host,
    `cd / && setpriv --reuid pgbouncer --regid pgbouncer --clear-groups $(ls /usr/lib/postgresql/*/bin/psql | tail -n 1) -h /run/pgbouncer -p $(ls -A /run/pgbouncer | grep -oP "PGSQL.\\K[0-9]+$") -U pgbouncer -qA -P footer=off -F '\x1f' -c 'SHOW ${show}' pgbouncer`,
  );
  const [header = "", ...rows] = said.trimEnd().split("\n");
  const columns = header.split("\x1f");
  return rows.map((row) => {
    const cells = row.split("\x1f");
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""]));
  });
}

export interface Health {
  status: number;
  reason: string;
  message: string;
  /** The process that is meant, where a host has several. */
  instance?: string;
}

/** What the endpoint says, asked on the host itself without any of our code. */
export async function health(host: string, target = "/health"): Promise<Health> {
  const said = await onHost(
    host,
    `exec 3<>/dev/tcp/127.0.0.1/$(systemctl show -p Listen plumb-pgbouncer-health.socket | grep -oPm 1 ":\\K[0-9]+(?= \\()"); printf 'GET ${target} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3; timeout 15 cat <&3`,
  );
  const body = said.split("\r\n\r\n")[1] ?? "";
  return { ...(JSON.parse(body) as Health), status: Number(/^HTTP\/1.1 (\d+)/.exec(said)?.[1]) };
}
