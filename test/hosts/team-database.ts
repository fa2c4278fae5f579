import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { havePackages } from "./have-packages.ts";
import { labHost, onHost } from "./lab-hosts.ts";

/** A PostgreSQL that a team shares: Debian's own, on a lab host, with a certificate of an authority of its own. */
export interface TeamDatabase {
  /** The certificate of the authority. */
  rootCertificate: string;
  /** An address for `--record` and `--workers`. */
  address(user: string, more?: string): string;
  /** For PGPASSWORD: every role has the same. */
  password: string;
  /** A statement as the superuser, by psql on the host. */
  sql(text: string): Promise<string>;
  /** The same as a role, through the network. Rejects when it is refused. */
  sqlAs(user: string, text: string): Promise<string>;
  service(verb: "start" | "stop" | "restart"): Promise<void>;
  remove(): Promise<void>;
}

const PASSWORD = "team-password-7712";

/** Installs PostgreSQL if need be, and makes an empty database `team` with an owner and other roles. */
export async function teamDatabase(host: string, roles: readonly string[]): Promise<TeamDatabase> {
  const { address } = labHost(host);
  const sql = (text: string): Promise<string> =>
    onHost(host, `cd /; runuser -u postgres -- psql -qAtX -v ON_ERROR_STOP=1 -d team <<'SQL'\n${text}\nSQL`);
  await onHost(
    host,
    `set -e
${havePackages("postgresql")}
v=$(ls /etc/postgresql); conf=/etc/postgresql/$v/main; data=/var/lib/postgresql
cd $data
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout team.key -out team.crt -subj /CN=team -addext subjectAltName=IP:${address} 2>/dev/null
chown postgres: team.key team.crt; chmod 600 team.key
printf "listen_addresses='*'\\nssl=on\\nssl_cert_file='$data/team.crt'\\nssl_key_file='$data/team.key'\\n" > $conf/conf.d/team.conf
grep -q team-rule $conf/pg_hba.conf || sed -i '1ihostssl team all all scram-sha-256 # team-rule' $conf/pg_hba.conf
systemctl restart postgresql@$v-main
cd /
runuser -u postgres -- psql -qX -c 'drop database if exists team with (force)' -c 'drop role if exists team_owner' ${roles.map((role) => `-c 'drop role if exists ${role}'`).join(" ")} -c "create role team_owner login password '${PASSWORD}'" ${roles.map((role) => `-c "create role ${role} login password '${PASSWORD}'"`).join(" ")} -c 'create database team owner team_owner'`,
  );
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-team-"));
  const rootCertificate = path.join(folder, "root.crt");
  await writeFile(rootCertificate, await onHost(host, "cat /var/lib/postgresql/team.crt"));
  return {
    rootCertificate,
    address: (user, more = `?sslmode=verify-full&sslrootcert=${rootCertificate}`) =>
      `postgres://${user}@${address}/team${more}`,
    password: PASSWORD,
    sql,
    sqlAs: (user, text) =>
      onHost(
        host,
        `PGPASSWORD=${PASSWORD} psql -qAtX -v ON_ERROR_STOP=1 'host=${address} user=${user} dbname=team' 2>&1 <<'SQL'\n${text}\nSQL`,
      ),
    service: async (verb) => {
      await onHost(host, `systemctl ${verb} postgresql@$(ls /etc/postgresql)-main`);
    },
    remove: async () => {
      await onHost(
        host,
        `cd /; systemctl start postgresql@$(ls /etc/postgresql)-main; runuser -u postgres -- psql -qX -c 'drop database team with (force)' -c 'drop role team_owner' ${roles.map((role) => `-c 'drop role ${role}'`).join(" ")}; conf=/etc/postgresql/$(ls /etc/postgresql)/main; rm -f $conf/conf.d/team.conf /var/lib/postgresql/team.*; sed -i '/team-rule/d' $conf/pg_hba.conf; systemctl disable --now postgresql >/dev/null 2>&1; systemctl stop 'postgresql@*'`,
      );
    },
  };
}
