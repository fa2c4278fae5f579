import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { expect, test } from "vitest";
import { parseUserlist } from "../../../src/pgbouncer/userlist.ts";
import { PLUMB } from "../../built-plumb.ts";
import { labHost, onHost } from "../lab-hosts.ts";
import { openTunnel } from "../pooler-load.ts";
import { typed } from "../typed.ts";
import { authorityOf, provisionFrom, told } from "./provision.ts";

const run = promisify(execFile);

const PASSWORDS = {
  by_prompt: 'typed by "somebody"',
  by_file: "read from a file: ümlaut $HOME",
  by_vault: "kept in a vault \\ here",
} as const;
type User = keyof typeof PASSWORDS;
const USERS = Object.keys(PASSWORDS) as User[];

/** What `plumb pgbouncer userlist` makes of a password lets its user in, through both releases to PostgreSQL. */
export function userlistEntries(folder: () => string): void {
  const at = (name: string): string => path.join(folder(), name);
  const sql = (statement: string): Promise<string> =>
    onHost("db1", `cd /; runuser -u postgres -- psql -qc '${statement}'`);

  test("entries made at a prompt, of a file and of a vault log their users in; no password is in a command line", async () => {
    const vaulted = at(path.join("group_vars", "poolers.yml"));
    await writeFile(at("vault-password"), "of the vault\n");
    await writeFile(at("password"), `${PASSWORDS.by_file}\n`);
    await writeFile(vaulted, await encrypted(PASSWORDS.by_vault, at("vault-password")));
    const watch = watchCommandLines();
    const made: Record<User, string> = {
      by_prompt: (
        await typed(`${process.execPath} ${PLUMB} pgbouncer userlist by_prompt`, [PASSWORDS.by_prompt])
      ).said,
      by_file: await plumb("pgbouncer", "userlist", "by_file", "--password-file", at("password")),
      by_vault: await plumb(
        ...["pgbouncer", "userlist", "by_vault", "--variable", "by_vault_password", "--host", "pool1"],
        ...["-i", at("hosts.yml"), "--vault-password-file", at("vault-password")],
      ),
    };
    const seen = watch.stop();
    await Promise.all([vaulted, at("vault-password"), at("password")].map((file) => rm(file)));
    expect(seen).toContain("pgbouncer userlist by_vault");
    for (const user of USERS) {
      expect(seen).not.toContain(PASSWORDS[user]);
      expect(made[user]).not.toContain(PASSWORDS[user]);
    }

    // The same verifier for both: with another salt PostgreSQL would refuse what the pooler lets in.
    const entries = USERS.map((user) => ({ user, verifier: secretOf(user, made[user]) }));
    for (const { user, verifier } of entries)
      await sql(`create role ${user} login password $password$${verifier}$password$`);
    const options = { limit: "poolers", extra: [JSON.stringify({ pgbouncer_userlist: entries })] };
    try {
      const { tasks } = await provisionFrom(folder(), options);
      expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
      expect(told((await provisionFrom(folder(), options)).not("ok"))).toEqual([]);
      for (const host of ["pool1", "pool2"]) {
        const tunnel = await openTunnel("app1", labHost(host).address, 6432);
        const ca = await authorityOf(folder());
        const login = async (user: User, password: string): Promise<unknown> => {
          const client = new pg.Client({
            ...{ host: "127.0.0.1", port: tunnel.port, user, database: "app", password },
            ssl: { ca, servername: host },
          });
          client.on("error", () => undefined);
          await client.connect();
          const { rows } = await client.query("select current_user::text as is");
          await client.end();
          return rows[0];
        };
        try {
          for (const user of USERS) {
            expect(await login(user, PASSWORDS[user])).toEqual({ is: user });
            await expect(login(user, "another")).rejects.toThrow();
          }
        } finally {
          tunnel.process.kill();
        }
      }
      // The file of the host says so too.
      await writeFile(at("userlist.txt"), await onHost("pool1", "cat /etc/pgbouncer/userlist.txt"));
      await writeFile(at("password"), PASSWORDS.by_vault);
      expect(
        await plumb(
          ...["pgbouncer", "userlist", "by_vault", "--password-file", at("password")],
          ...["--verify", at("userlist.txt")],
        ),
      ).toBe("the password fits\n");
    } finally {
      for (const user of USERS) await sql(`drop role ${user}`);
      await provisionFrom(folder(), { limit: "poolers" });
    }
    expect(told((await provisionFrom(folder(), { limit: "poolers" })).not("ok"))).toEqual([]);
  });
}

async function plumb(...words: readonly string[]): Promise<string> {
  return (await run(process.execPath, [PLUMB, ...words])).stdout;
}

/** Variables of a group, with a value of a vault. */
async function encrypted(value: string, passwordFile: string): Promise<string> {
  const running = run(process.execPath, [
    ...[PLUMB, "vault", "encrypt-string", "--stdin-name", "by_vault_password"],
    ...["--vault-password-file", passwordFile],
  ]);
  running.child.stdin?.end(value);
  return (await running).stdout;
}

/** The entry among what was on the screen. */
function secretOf(user: User, said: string): string {
  const line = said.split("\n").find((one) => one.startsWith(`"${user}" `)) ?? "";
  return parseUserlist(`${line}\n`)[0]?.secret ?? "";
}

/** What every process of this machine shows to everybody, again and again. */
function watchCommandLines(): { stop: () => string } {
  const seen = new Set<string>();
  const timer = setInterval(() => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
      } catch {
        // It has ended.
      }
    }
  }, 50);
  return {
    stop: () => {
      clearInterval(timer);
      return [...seen].join("\n");
    },
  };
}
