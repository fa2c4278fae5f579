import { beforeAll, describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost, sendToHost } from "../lab-hosts.ts";
import { keepTheirPromises, type Promised } from "./promise.ts";

const HOSTS = ["bookworm1", "trixie1"];
const psql = (sql: string): string => `runuser -u postgres -- psql -qAtX -c "${sql}"`;

/** PostgreSQL and PgBouncer as Debian installs them; TLS of the pooler with the same certificate of the system. */
beforeAll(async () => {
  const install = `
${havePackages("postgresql", "pgbouncer")}
printf '[databases]\\n[pgbouncer]\\nlisten_addr=127.0.0.1\\nlisten_port=6432\\nauth_type=any\\nclient_tls_sslmode=require\\nclient_tls_cert_file=/srv/pooler.crt\\nclient_tls_key_file=/srv/pooler.key\\n' > /etc/pgbouncer/pgbouncer.ini
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -keyout /srv/pooler.key -out /srv/pooler.crt -subj /CN=pooler -addext subjectAltName=IP:127.0.0.1 2>/dev/null
chown postgres /srv/pooler.key
systemctl restart pgbouncer postgresql
until ss -ltn | grep -q :6432 && runuser -u postgres -- psql -c 'select 1' >/dev/null 2>&1; do sleep 0.2; done`;
  await Promise.all(HOSTS.map((host) => onHost(host, install)));
  return async () => {
    const stop = "systemctl disable --now pgbouncer postgresql >/dev/null 2>&1; rm -f /srv/pooler.*";
    await Promise.all(HOSTS.map((host) => onHost(host, stop)));
  };
}, 300_000);

const CASES: readonly Promised[] = [
  {
    module: "postgresql_user",
    tasks:
      "- postgresql_user: {name: \"o'dd role\", password: secret-5512, createdb: true, conn_limit: 7, expires: '2031-01-31T00:00:00Z', settings: {statement_timeout: 30s}, groups: [pg_monitor]}",
    holds: `[ "$(${psql("select a.rolcreatedb, a.rolsuper, a.rolconnlimit, a.rolvaliduntil = '2031-01-31 00:00Z', a.rolpassword like 'SCRAM-SHA-256%', r.rolconfig from pg_authid a join pg_roles r using (oid) where a.rolname = 'o''dd role'")})" = 't|f|7|t|t|{statement_timeout=30s}' ] && [ "$(${psql("select pg_has_role('o''dd role', 'pg_monitor', 'member')")})" = t ]`,
    drift: psql(
      `alter role \\"o'dd role\\" superuser valid until 'infinity'; revoke pg_monitor from \\"o'dd role\\"`,
    ),
    undo: {
      tasks: '- postgresql_user: {name: "o\'dd role", state: absent}',
      gone: `[ -z "$(${psql("select 1 from pg_roles where rolname = 'o''dd role'")})" ]`,
    },
  },
  {
    module: "postgresql_db",
    tasks:
      "- postgresql_db: {name: 'app db', owner: owner1, conn_limit: 9, lc_collate: C, lc_ctype: C.UTF-8}",
    before: psql("create role owner1"),
    holds: `[ "$(${psql("select pg_get_userbyid(datdba), datconnlimit, datcollate, datctype from pg_database where datname = 'app db'")})" = 'owner1|9|C|C.UTF-8' ]`,
    drift: psql(`alter database \\"app db\\" connection limit -1`),
    undo: {
      tasks: "- postgresql_db: {name: 'app db', state: absent, force: true}",
      gone: `[ -z "$(${psql("select 1 from pg_database where datname = 'app db'")})" ]`,
    },
    after: psql("drop role owner1"),
  },
  {
    module: "postgresql_query",
    tasks:
      "- postgresql_query: {query: \"create table public.probe as select 'it''s' as t\", unless: \"select 1 from pg_tables where tablename = 'probe'\"}",
    holds: `[ "$(${psql("select t from public.probe")})" = "it's" ]`,
    drift: psql("drop table public.probe"),
    undo: {
      tasks:
        "- postgresql_query: {query: drop table public.probe, unless: \"select 1 where not exists (select from pg_tables where tablename = 'probe')\"}",
      gone: `! ${psql("select 1 from public.probe")}`,
    },
  },
  {
    module: "pgbouncer_userlist",
    tasks:
      "- pgbouncer_userlist: {path: /etc/pgbouncer/probe.txt, owner: postgres, group: postgres, entries: [{user: app, password: secret-9931}, {user: plain, password: 'it''s \"x\"', form: plain}]}",
    holds: `grep -q '^"app" "SCRAM-SHA-256' /etc/pgbouncer/probe.txt && grep -qx '"plain" "it'\\''s ""x"""' /etc/pgbouncer/probe.txt && [ "$(stat -c '%U %a' /etc/pgbouncer/probe.txt)" = 'postgres 640' ]`,
    drift: "sed -i /plain/d /etc/pgbouncer/probe.txt; chmod 644 /etc/pgbouncer/probe.txt",
    undo: {
      tasks: "- file: {path: /etc/pgbouncer/probe.txt, state: absent}",
      gone: "[ ! -e /etc/pgbouncer/probe.txt ]",
    },
  },
  {
    module: "pgbouncer_hba",
    tasks:
      "- pgbouncer_hba: {path: /etc/pgbouncer/probe_hba.conf, owner: postgres, group: postgres, rules: [{address: 10.0.1.0/24}, {type: local, users: [pgb_admin], databases: [pgbouncer]}]}",
    holds:
      "grep -qP '^hostssl\\tall\\tall\\t10.0.1.0/24\\tscram-sha-256$' /etc/pgbouncer/probe_hba.conf && grep -qP '^local\\tpgbouncer\\tpgb_admin\\t' /etc/pgbouncer/probe_hba.conf && ! grep -q trust /etc/pgbouncer/probe_hba.conf",
    drift: "printf 'host\\tall\\tall\\t0.0.0.0/0\\ttrust\\n' >> /etc/pgbouncer/probe_hba.conf",
    undo: {
      tasks: "- file: {path: /etc/pgbouncer/probe_hba.conf, state: absent}",
      gone: "[ ! -e /etc/pgbouncer/probe_hba.conf ]",
    },
  },
  {
    module: "pgbouncer_ini",
    tasks:
      "- pgbouncer_ini: {path: /etc/pgbouncer/probe.ini, owner: postgres, group: postgres, service_user: postgres, pgbouncer: {listen_addr: 127.0.0.1, auth_type: scram-sha-256, auth_file: /etc/pgbouncer/userlist.txt, default_pool_size: 7}, databases: {app: {host: 10.0.0.2, port: 5432}}}",
    holds:
      "grep -Eq '^default_pool_size *= *7$' /etc/pgbouncer/probe.ini && grep -Eq '^app *= *.*host=10.0.0.2' /etc/pgbouncer/probe.ini && [ \"$(stat -c %U /etc/pgbouncer/probe.ini)\" = postgres ]",
    drift: "sed -i 's/^default_pool_size.*/default_pool_size = 8/' /etc/pgbouncer/probe.ini",
    undo: {
      tasks: "- file: {path: /etc/pgbouncer/probe.ini, state: absent}",
      gone: "[ ! -e /etc/pgbouncer/probe.ini ]",
    },
  },
];

/** What nobody may take for SQL. */
const ODD = "it's \\ %s $1 ü";

describe("PostgreSQL on both releases", () => {
  test("each module keeps its promise", () => keepTheirPromises(CASES));

  test("pg_query is judged in check mode as in a run, by failed_when too; behind a change nobody knows", async () => {
    await Promise.all(HOSTS.map((host) => onHost(host, psql("create role asker login password 'secret-7'"))));
    const ask = (more: string, password = "secret-7"): string =>
      `- pg_query: {port: 5432, database: postgres, user: asker, password: ${password}, sslmode: require, timeout: 1, query: select 1 as n}
  register: answer
  ignore_errors: true
  ${more}\n`;
    const alone = [
      ask("failed_when: answer.rows[0].n != 1"),
      ask("failed_when: answer.rows[0].n == 1"),
      ask("failed_when: answer.rows[0].n == 1", "wrong"),
      ask("failed_when: false", "wrong"),
    ].join("");
    const pending = [
      "- file: {path: /srv/asked, state: touch}\n",
      ask("failed_when: answer.rows[0].n == 1\n  changed_when: false"),
      ask("failed_when: false\n  changed_when: false"),
      ask("failed_when: false"),
    ].join("");
    const told = async (tasks: string, check: boolean): Promise<string[][]> => {
      const { tasks: done } = await runTasks(tasks.trim(), { hosts: HOSTS, check });
      return HOSTS.map((host) =>
        done
          .filter((one) => one.host === host)
          .map(({ status, message }) => `${status} ${message.replace(/\d+(\.\d+)? ms|\S+play\.yml/g, "_")}`),
      );
    };
    const ran = await told(alone, false);
    expect(ran).toEqual(
      HOSTS.map(() => [
        expect.stringMatching(/^ok answered/),
        expect.stringMatching(/^ignored failed_when: answer/),
        expect.stringMatching(/^ignored the query failed: password authentication failed.*No such key: rows/),
        expect.stringMatching(/^ok the query failed/),
      ]),
    );
    expect(await told(alone, true)).toEqual(ran);
    expect(await told(pending, true)).toEqual(
      HOSTS.map(() => [
        expect.stringMatching(/^would-change /),
        expect.stringMatching(/^unknown /),
        expect.stringMatching(/^ok not run/),
        expect.stringMatching(/^unknown /),
      ]),
    );
    await Promise.all(HOSTS.map((host) => onHost(host, psql("drop role asker"))));
  });

  test("arguments of a query arrive as they are, by place and by name", async () => {
    const tasks = `
- postgresql_query: {query: "select %s, %s::int[], 5 %% 3", positional_args: [${JSON.stringify(ODD)}, [1, -2]]}
  register: placed
- postgresql_query: {query: "select %(odd)s is null, %(yes)s", named_args: {odd: null, 'yes': true}}
  register: named
- debug: {msg: !expr "[placed.stdout, named.stdout]"}
`;
    const { tasks: done } = await runTasks(tasks.trim(), { hosts: HOSTS });
    expect(done.filter(({ status }) => status === "failed").map(({ message }) => message)).toEqual([]);
    for (const host of HOSTS)
      expect(JSON.parse(done.filter((one) => one.host === host).at(-1)?.message ?? "")).toEqual([
        `${ODD}|{1,-2}|2`,
        "t|t",
      ]);
  });

  test("the first superuser keeps what is not written, and a password that is there can be left alone", async () => {
    const tasks = `
- postgresql_user: {name: postgres, password: first-7713}
- postgresql_user: {name: postgres, password: other-7713, no_password_changes: true}
- postgresql_user: {name: postgres, conn_limit: 50}
- postgresql_user: {name: postgres, conn_limit: -1}
`.trim();
    const { statuses } = await runTasks(tasks, { hosts: HOSTS });
    expect(statuses.toSorted()).toEqual([
      ...Array(6).fill("changed postgresql_user"),
      ...Array(2).fill("ok postgresql_user"),
    ]);
    const look =
      "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls from pg_roles where oid = 10";
    for (const host of HOSTS) {
      expect((await onHost(host, psql(look))).trim()).toBe("t|t|t|t|t");
      await onHost(host, psql("alter role postgres password null"));
    }
  });

  test("what a database is made with can't be changed, and is told", async () => {
    const tasks = ["encoding: LATIN1", "lc_collate: xx_XX"]
      .map((wanted) => `- postgresql_db: {name: postgres, ${wanted}}\n  ignore_errors: true`)
      .join("\n");
    const { tasks: done } = await runTasks(tasks, { hosts: ["trixie1"], check: true });
    expect(done.map(({ message }) => message)).toEqual([
      "the database postgres has encoding UTF8, which can't be changed",
      expect.stringMatching(/^the database postgres has lc_collate \S+, which can't be changed$/),
    ]);
  });

  test("certificates of a PostgreSQL and of a PgBouncer that are running are told, and checked", async () => {
    const tasks = `
- get_certificate: {host: 127.0.0.1, port: 5432, starttls: postgresql}
  register: server
- get_certificate: {host: 127.0.0.1, port: 6432, starttls: postgresql, min_days_left: 30}
  register: pooler
- get_certificate: {host: 127.0.0.1, port: 6432, starttls: postgresql, min_days_left: 365}
  ignore_errors: true
- command: openssl x509 -in /srv/pooler.crt -noout -serial
  register: serial
- command: openssl x509 -in /etc/ssl/certs/ssl-cert-snakeoil.pem -noout -serial
  register: snakeoil
- assert: {that: [pooler.subject.commonName == "pooler", 'pooler.subject_alt_name == ["IP:127.0.0.1"]']}
- debug: {msg: "{{ pooler.serial_number }} {{ serial.stdout }} {{ server.serial_number }} {{ snakeoil.stdout }}"}
`;
    const { tasks: done } = await runTasks(tasks.trim(), { hosts: HOSTS });
    for (const host of HOSTS) {
      const own = done.filter((one) => one.host === host);
      expect(own.map(({ status }) => status)).toEqual([
        "ok",
        "ok",
        "ignored",
        "changed",
        "changed",
        "ok",
        "ok",
      ]);
      expect(own[2]?.message).toMatch(/valid for (89|90) days only/);
      const [pooler, poolerFile, server, serverFile] = (own[6]?.message ?? "").split(" ");
      const plain = (text = ""): string => text.toLowerCase().replace(/^0x|^serial=/, "");
      expect(plain(pooler)).toBe(plain(poolerFile));
      expect(plain(server)).toBe(plain(serverFile));
    }
  });

  test("verifiers are told as PostgreSQL keeps them, to tasks and to nobody else; a role without one is an error", async () => {
    const make = psql(
      "create role keeper login password 'secret-8841'; create role keyless login; set password_encryption = md5; create role older login password 'x'",
    );
    await Promise.all(HOSTS.map((host) => onHost(host, make)));
    const tasks = `
- postgresql_verifiers: {users: [keeper]}
  register: copied
- copy: {content: "{{ lookup (first copied.entries) 'verifier' }}", dest: /root/verifier, mode: "0600"}
- debug:
    msg: !expr copied.entries
- postgresql_verifiers: {users: [keper]}
  ignore_errors: true
- postgresql_verifiers: {users: [keyless]}
  ignore_errors: true
- postgresql_verifiers: {users: [older]}
  ignore_errors: true
`;
    const { tasks: done, events } = await runTasks(tasks.trim(), { hosts: HOSTS });
    for (const host of HOSTS) {
      const own = done.filter((one) => one.host === host);
      expect(own.map(({ status }) => status)).toEqual([
        "ok",
        "changed",
        "ok",
        "ignored",
        "ignored",
        "ignored",
      ]);
      const kept = await onHost(host, psql("select rolpassword from pg_authid where rolname = 'keeper'"));
      expect(await onHost(host, "cat /root/verifier")).toBe(kept.trim());
      expect(kept).toMatch(/^SCRAM-SHA-256\$/);
      expect(JSON.stringify(events)).not.toContain(kept.trim());
      expect(own.slice(3).map(({ message, hint }) => [message, hint])).toEqual([
        ["PostgreSQL has no role `keper` that may log in", "did you mean `keeper`?"],
        [
          "the role `keyless` has no password",
          "set its password anew, with password_encryption = scram-sha-256",
        ],
        [
          "the role `older` keeps its password as md5",
          "set its password anew, with password_encryption = scram-sha-256",
        ],
      ]);
    }
    const drop = `${psql("drop role keeper; drop role keyless; drop role older")}; rm /root/verifier`;
    await Promise.all(HOSTS.map((host) => onHost(host, drop)));
  });

  test("an administrator's questions call nothing that the owner of a database has put in their way", async () => {
    const sql = `
create role owner2 login; create database owned owner owner2;
\\c owned
set role owner2;
create function public.caught(json, json) returns json language plpgsql as $$ begin raise exception 'caught'; end $$;
create aggregate public.json_agg(json) (sfunc = public.caught, stype = json);
create function public.caught_same(name, text) returns bool language plpgsql as $$ begin raise exception 'caught'; end $$;
create operator public.= (leftarg = name, rightarg = text, function = public.caught_same);
create table public.done as select 1 as one;`;
    await Promise.all(HOSTS.map((host) => sendToHost(host, "runuser -u postgres -- psql -qX", sql)));
    const tasks = `
- postgresql_query: {db: owned, query: drop table done, unless: select 1 from done}
- postgresql_user: {name: owner2}
- postgresql_db: {name: owned, owner: owner2}
`;
    const { tasks: done } = await runTasks(tasks.trim(), { hosts: HOSTS });
    expect(done.map(({ status }) => status)).toEqual(HOSTS.flatMap(() => ["ok", "ok", "ok"]));
    const drop = `${psql("drop database owned")}; ${psql("drop role owner2")}`;
    await Promise.all(HOSTS.map((host) => onHost(host, drop)));
  });
});
