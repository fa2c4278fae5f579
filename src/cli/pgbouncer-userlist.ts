import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { HostVariables } from "../converge/host-variables.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import { magicVariables } from "../fleet/magic-variables.ts";
import { groupAndHostVariables } from "../inventory/variable-layers.ts";
import { isScramVerifier, matchesScram, md5Secret, scramVerifier } from "../pgbouncer/scram.ts";
import { parseUserlist, userlistLine } from "../pgbouncer/userlist.ts";
import { NOTHING_INHERITED } from "../playbook/load-context.ts";
import { askPassword } from "./ask-password.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { inventoryOf } from "./read-input.ts";
import { keyringOf, type VaultOptions } from "./vault-options.ts";

export interface UserlistOptions extends VaultOptions {
  passwordFile?: string;
  stdin?: boolean;
  variable?: string;
  host?: string;
  inventory?: string[];
  form?: string;
  iterations?: string;
  verify?: string;
}

/**
 * `plumb pgbouncer userlist`: an entry for userlist.txt. The password comes from a prompt, a file, standard input or a variable of the inventory (which may be in a vault),
 * never from the command line: that can be read by everybody on the machine.
 */
export async function userlistCommand(user: string, options: UserlistOptions): Promise<ExitCode> {
  if (user === "" || user.length > 127 || /[\n\r\0]/.test(user))
    throw inputError("invalid-option", "a user's name has 1 to 127 characters, in one line");
  const password = await passwordOf(user, options);
  if (password === "")
    throw inputError("invalid-option", "the password is empty: PgBouncer lets nobody in with it");
  if (/[\n\r\0]/.test(password)) throw inputError("invalid-option", "a password must be one line");
  if (options.verify !== undefined) return verify(user, password, options.verify);
  process.stdout.write(userlistLine({ user, secret: secretOf(user, password, options) }));
  return EXIT.ok;
}

function secretOf(
  user: string,
  password: string,
  { form = "scram-sha-256", iterations = "4096" }: UserlistOptions,
): string {
  switch (form) {
    case "scram-sha-256": {
      const rounds = Number(iterations);
      if (!Number.isInteger(rounds) || rounds < 4096 || rounds > 10_000_000)
        throw inputError("invalid-option", `--iterations ${iterations}: from 4096 to 10000000 (RFC 7677)`);
      return scramVerifier(password, undefined, rounds);
    }
    case "md5":
      process.stderr.write(
        "plumb: md5 is weak, and PostgreSQL 14 and later want SCRAM: such a user gets in and then fails at the server\n",
      );
      return md5Secret(user, password);
    case "plain":
      if (isScramVerifier(password) || /^md5[0-9a-f]{32}$/.test(password))
        throw inputError("invalid-option", "PgBouncer would take this password for a verifier");
      return password;
    default:
      throw inputError("invalid-option", `--form ${form}: there is no such form`, {
        expected: "scram-sha-256, md5, plain",
      });
  }
}

/** Does the password fit an entry of a userlist? */
async function verify(user: string, password: string, file: string): Promise<ExitCode> {
  const entry = parseUserlist(await contentOf(file)).find((one) => one.user === user);
  if (entry === undefined) {
    process.stdout.write(`${user} is not in ${file}\n`);
    return EXIT.failed;
  }
  const fits =
    matchesScram(entry.secret, password) ||
    entry.secret === md5Secret(user, password) ||
    entry.secret === password;
  process.stdout.write(fits ? `the password fits\n` : `the password does not fit\n`);
  return fits ? EXIT.ok : EXIT.failed;
}

async function passwordOf(user: string, options: UserlistOptions): Promise<string> {
  const sources = [options.passwordFile, options.stdin === true ? "" : undefined, options.variable];
  if (sources.filter((source) => source !== undefined).length > 1)
    throw inputError("invalid-option", "give one of --password-file, --stdin and --variable");
  const withoutEnd = (read: string): string => read.replace(/\r?\n$/, "");
  if (options.passwordFile !== undefined) return withoutEnd(await contentOf(options.passwordFile));
  if (options.stdin === true) return withoutEnd(await text(process.stdin));
  if (options.variable !== undefined) return variableOf(options.variable, options);
  return askPassword(`Password of ${user}: `, "give --stdin, --password-file or --variable instead");
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw inputError("file-unreadable", `${file} can't be read: ${why}`);
  }
}

async function variableOf(name: string, options: UserlistOptions): Promise<string> {
  const keyring = await keyringOf(options);
  const inventory = await inventoryOf(options, keyring);
  const host = options.host ?? inventory.hosts.keys().next().value;
  if (host === undefined || !inventory.hosts.has(host))
    throw inputError("unknown-host", `the inventory has no host ${host ?? ""}`);
  const variables = new HostVariables({
    inventory: await groupAndHostVariables(inventory, host, { playbookFolder: undefined, keyring }),
    keyring,
    play: [],
    extra: { level: "extra vars", variables: new Map() },
    magic: magicVariables(host, inventory, {
      playbook: { file: "" },
      playHosts: [],
      batchHosts: [],
      checkMode: true,
      diffMode: false,
      hostvars: {},
    }),
  });
  const value = variables.scopeOf({ keywords: NOTHING_INHERITED }).lookup(name);
  if (typeof value === "string") return value;
  throw inputError(
    value === undefined ? "undefined-variable" : "wrong-type",
    `the variable \`${name}\` of ${host} is ${value === undefined ? "not defined" : "no text"}`,
  );
}
