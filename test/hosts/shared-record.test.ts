import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import { connectDatabase } from "../../src/postgresql/connect-database.ts";
import { databaseAddress } from "../../src/postgresql/database-address.ts";
import { folderWithHosts, labHost, onHost } from "./lab-hosts.ts";
import { type PlumbProcess, startCommand, startPlumb } from "./plumb-process.ts";
import { relayTo } from "./relay.ts";
import { type TeamDatabase, teamDatabase } from "./team-database.ts";

/** A record in a PostgreSQL of the team's, beside the one in the project. */
let team: TeamDatabase;
let folder = "";

beforeAll(async () => {
  team = await teamDatabase("bookworm1", ["team_writer", "team_reader"]);
  folder = await folderWithHosts("shared-record", ["trixie1"]);
  await mkdir(path.join(folder, ".plumb"));
  await writeFile(path.join(folder, "vault-pass"), "opens\n", { mode: 0o600 });
  await writeFile(path.join(folder, "vars.yml"), "token: sesame-in-the-vault\n");
  await ended(command("vault", "encrypt", "--vault-password-file", "vault-pass", "vars.yml"));
  await writeFile(
    path.join(folder, "site.yml"),
    `- hosts: trixie1
  gather_facts: false
  become: true
  tasks:
    - {name: token, copy: {content: "token={{token}}\\n", dest: /tmp/shared-record, mode: "0600"}}
    - {name: slow, command: "sh -c 'touch /tmp/shared-record-begun; {{waits}}; printf \\"nul\\\\0 in it\\"; false'", ignore_errors: true}
`,
  );
}, 300_000);

afterAll(async () => {
  await team.remove();
  await onHost("trixie1", "rm -f /tmp/shared-record*");
});

const environment = (): Record<string, string> => ({ PGPASSWORD: team.password, PLUMB_RUNS_DIR: "" });
const command = (...args: string[]): PlumbProcess =>
  startCommand(args, { cwd: folder, environment: environment() });
const ended = async (process: PlumbProcess): Promise<string> => {
  expect(await process.ended, process.text()).toBe(0);
  return process.text();
};

/** In the middle of a task the run waits for the word to go on. */
const WAITS = "until [ -e /tmp/shared-record-go-on ]; do sleep 0.05; done";
const nothingBegun = (): Promise<string> => onHost("trixie1", "rm -f /tmp/shared-record-*");
const goOn = (): Promise<string> => onHost("trixie1", "touch /tmp/shared-record-go-on");

function start(address: string, waits = "true"): PlumbProcess {
  const options = ["-i", "hosts.ini", "--vault-password-file", "vault-pass", "-e", "@vars.yml"];
  return startPlumb(
    ["run", "site.yml", ...options, "-e", `waits=${JSON.stringify(waits)}`, "--diff", "--record", address],
    {
      cwd: folder,
      environment: environment(),
    },
  );
}

const runs = (): string => path.join(folder, ".plumb", "runs");
const warnings = ({ events }: PlumbProcess): string[] =>
  events.flatMap((event) => (event.type === "warning" ? [event.message] : []));

async function newest(): Promise<{ run: string; lines: string[] }> {
  const [name = ""] = (await readdir(runs()))
    .filter((one) => one.endsWith(".jsonl"))
    .toSorted()
    .toReversed();
  const text = await readFile(path.join(runs(), name), "utf8");
  return { run: name.slice(0, -".jsonl".length), lines: text.trimEnd().split("\n") };
}

const linesOf = (run: string): Promise<string> =>
  team.sql(`select line from plumb.record_line where run_id = '${run}' order by number`);

test("the same record is in the database, added by a role that may only add, and history reads it there", async () => {
  const prepared = await ended(
    command(
      "history",
      "prepare",
      "--record",
      team.address("team_owner"),
      "--writer",
      "team_writer",
      "--reader",
      "team_reader",
    ),
  );
  expect(prepared).toContain("have been made (version 2)");
  const run = start(team.address("team_writer"));
  expect(await run.ended, run.text()).toBe(0);
  expect(warnings(run)).toEqual([]);
  const { run: name, lines } = await newest();
  expect((await linesOf(name)).trimEnd()).toBe(lines.join("\n"));
  expect(lines.join("\n")).toContain("token=********");
  for (const secret of ["sesame", team.password]) expect(lines.join("\n")).not.toContain(secret);
  expect(await team.sql("select distinct sent_by from plumb.record_line")).toBe("team_writer\n");
  expect(
    await team.sql(
      `select task, status from plumb.record_line where run_id = '${name}' and type = 'task-finished' order by number`,
    ),
  ).toBe("token|changed\nslow|ignored\n");
  for (const statement of [
    "update plumb.record_line set host = 'x'",
    "delete from plumb.record_line",
    "truncate plumb.record_line",
    "select 1 from plumb.record_line",
    "insert into plumb.record_line (run_id, number, type, line, sent_by) values ('x', 1, 'x', '{}', 'somebody')",
  ])
    await expect(team.sqlAs("team_writer", statement), statement).rejects.toThrow("");
  const reader = team.address("team_reader");
  expect(
    await ended(
      command("history", "--record", reader, "--host", "trixie1", "--resource", "/tmp/shared-record"),
    ),
  ).toContain(name);
  expect(await ended(command("history", "--record", reader, "--host", "elsewhere"))).toContain(
    "No run in postgres://",
  );
  expect(await ended(command("history", "show", "last", "--record", reader))).toBe(
    await ended(command("history", "show", "last")),
  );
});

test("a database that is away, lost, or not the one it should be is a warning, and what is missing is sent later", async () => {
  // Another certificate than that of the authority which is asked for.
  const other = path.join(folder, "other.crt");
  await writeFile(
    other,
    await onHost(
      "trixie1",
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout /dev/null -subj /CN=other 2>/dev/null",
    ),
  );
  const fooled = start(team.address("team_writer", `?sslmode=verify-full&sslrootcert=${other}`));
  expect(await fooled.ended).toBe(0);
  expect(warnings(fooled).join("\n")).toMatch(
    /self-signed certificate[\s\S]*lacks this run.*plumb history push/,
  );
  const first = await newest();
  expect(await linesOf(first.run)).toBe("");

  // PostgreSQL is stopped while the run is under way.
  await team.sql("delete from plumb.record_line");
  await nothingBegun();
  const second = start(team.address("team_writer"), WAITS);
  await expect
    .poll(() => team.sql("select distinct type from plumb.record_line order by 1"))
    .toContain("task-started");
  await team.service("stop");
  await goOn();
  expect(await second.ended).toBe(0);
  expect(second.events.at(-1)).toMatchObject({ type: "warning" });
  expect(warnings(second).at(-1)).toContain("lacks this run");
  const lost = await newest();
  expect(JSON.parse(lost.lines.at(-1) ?? "")).toMatchObject({ type: "run-finished", outcome: "ok" });
  expect(existsSync(path.join(runs(), `${lost.run}.unsent`))).toBe(true);
  await team.service("start");
  expect((await linesOf(lost.run)).trimEnd()).not.toBe(lost.lines.join("\n"));

  // The next run sends both.
  const third = start(team.address("team_writer"));
  expect(await third.ended).toBe(0);
  expect(warnings(third)).toEqual([]);
  for (const one of [first, lost]) expect((await linesOf(one.run)).trimEnd()).toBe(one.lines.join("\n"));
  expect((await readdir(runs())).filter((name) => name.endsWith(".unsent"))).toEqual([]);

  // What is taken from the table (by its owner) is sent anew when somebody asks for it.
  await team.sql(`delete from plumb.record_line where run_id = '${lost.run}' and number > 2`);
  expect(await ended(command("history", "push", "--record", team.address("team_writer")))).toContain("Sent ");
  expect((await linesOf(lost.run)).trimEnd()).toBe(lost.lines.join("\n"));
});

test("a connection that is lost on the way is made anew, and nothing is missing or there twice", async () => {
  const relay = await relayTo(labHost("bookworm1").address, 5432);
  const address = `postgres://team_writer@127.0.0.1:${relay.port}/team?sslmode=verify-ca&sslrootcert=${team.rootCertificate}`;
  const before = await team.sql("select count(*) from plumb.record_line");
  await nothingBegun();
  const run = start(address, WAITS);
  await expect.poll(() => team.sql("select count(*) from plumb.record_line")).not.toBe(before);
  relay.drop();
  await goOn();
  expect(await run.ended).toBe(0);
  relay.cut();
  expect(warnings(run).length).toBeLessThan(2);
  const { run: name, lines } = await newest();
  expect((await linesOf(name)).trimEnd()).toBe(lines.join("\n"));
});

test("a password in the command line is refused; from a file it is taken", async () => {
  const refused = start(team.address("team_writer").replace("@", `:${team.password}@`));
  expect(await refused.ended).toBe(2);
  expect(refused.text()).toContain("PGPASSWORD");
  expect(refused.text()).not.toContain(team.password);
  const file = path.join(folder, "address");
  await writeFile(file, `${team.address("team_reader").replace("@", `:${team.password}@`)}\n`, {
    mode: 0o600,
  });
  const read = startCommand(["history", "--record", `@${file}`], {
    cwd: folder,
    environment: { PGPASSWORD: "" },
  });
  expect(await read.ended, read.text()).toBe(0);
  const wrong = startCommand(["history", "--record", team.address("team_reader")], {
    cwd: folder,
    environment: { PGPASSWORD: "wrong" },
  });
  expect(await wrong.ended).toBe(2);
  expect(wrong.text()).toContain("database-unavailable");
});

describe("sslmode", () => {
  /** What PostgreSQL says of the connection that an address leads to: `true` and the client's certificate. */
  const connected = async (user: string, parameters: string, host?: string): Promise<string> => {
    const address = team.address(user, `?${parameters}`);
    const given = { option: "--record", isPublic: true, secrets: new Secrets(), environment: environment() };
    const text = host === undefined ? address : address.replace(/@[^/]+/, `@${host}`);
    const client = await connectDatabase(databaseAddress(text, given), "a test");
    try {
      const { rows } = await client.query(
        "select ssl, client_dn as dn from pg_stat_ssl where pid = pg_backend_pid()",
      );
      return `${rows[0].ssl} ${rows[0].dn ?? ""}`.trim();
    } finally {
      await client.end();
    }
  };
  const other = (): string => path.join(folder, "other.crt");
  const configure = (script: string): Promise<string> =>
    onHost(
      "bookworm1",
      `set -e; v=$(ls /etc/postgresql); conf=/etc/postgresql/$v/main; cd /var/lib/postgresql; ${script}; systemctl restart postgresql@$v-main`,
    );

  test("means what it means to psql, where the server has TLS and asks for it", async () => {
    const root = `sslrootcert=${team.rootCertificate}`;
    await writeFile(
      other(),
      await onHost(
        "bookworm1",
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout /dev/null -subj /CN=other 2>/dev/null",
      ),
    );
    await expect(connected("team_writer", "sslmode=disable")).rejects.toThrow(/no encryption/);
    for (const mode of [
      "allow",
      "prefer",
      "require",
      `require&${root}`,
      `verify-ca&${root}`,
      `verify-full&${root}`,
    ])
      expect(await connected("team_writer", `sslmode=${mode}`), mode).toBe("true");
    for (const mode of ["require", "verify-ca", "verify-full"])
      await expect(connected("team_writer", `sslmode=${mode}&sslrootcert=${other()}`), mode).rejects.toThrow(
        /self-signed/,
      );
    // By an address that does not stand in the certificate.
    const { port, cut } = await relayTo(labHost("bookworm1").address, 5432);
    const elsewhere = `127.0.0.1:${port}`;
    expect(await connected("team_writer", `sslmode=verify-ca&${root}`, elsewhere)).toBe("true");
    await expect(connected("team_writer", `sslmode=verify-full&${root}`, elsewhere)).rejects.toThrow(
      /altnames/,
    );
    cut();
  });

  test("a client certificate logs in where the server asks for one, with a key that nobody else can read", async () => {
    const [crt, key] = [path.join(folder, "client.crt"), path.join(folder, "client.key")];
    await configure(
      `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout /root/client.key -out client.crt -subj /CN=team_reader 2>/dev/null; echo "ssl_ca_file='/var/lib/postgresql/client.crt'" >> $conf/conf.d/team.conf; sed -i '1ihostssl team team_reader all cert # team-rule' $conf/pg_hba.conf`,
    );
    await writeFile(crt, await onHost("bookworm1", "cat /var/lib/postgresql/client.crt"));
    await writeFile(key, await onHost("bookworm1", "cat /root/client.key; rm /root/client.key"), {
      mode: 0o600,
    });
    await expect(connected("team_reader", "sslmode=require")).rejects.toThrow(/certificate/);
    const parameters = `sslmode=require&sslcert=${crt}&sslkey=${key}`;
    expect(await connected("team_reader", parameters)).toBe("true /CN=team_reader");
    await chmod(key, 0o644);
    await expect(connected("team_reader", parameters)).rejects.toThrow(/others can read/);
  });

  test("and where it has none: prefer and allow go without, require and above refuse", async () => {
    await configure(
      "sed -i 's/^ssl=on/ssl=off/; /^ssl_/d' $conf/conf.d/team.conf; sed -i '/hostssl.*team-rule/d' $conf/pg_hba.conf; sed -i '1ihost team all all scram-sha-256 # team-rule' $conf/pg_hba.conf",
    );
    for (const mode of ["disable", "allow", "prefer"])
      expect(await connected("team_writer", `sslmode=${mode}`), mode).toBe("false");
    for (const mode of ["require", "verify-ca", "verify-full"])
      await expect(connected("team_writer", `sslmode=${mode}`), mode).rejects.toThrow(/does not support SSL/);
  });
});
