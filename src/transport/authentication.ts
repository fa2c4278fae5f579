import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { AnyAuthMethod, ParsedKey } from "ssh2";
import ssh2 from "ssh2";
import { expandHome } from "./ssh-config.ts";

export interface Credentials {
  user: string;
  /** Explicit key files fail loudly; default ones are tried if they are there. */
  keyFiles: readonly string[];
  keyFilesAreExplicit: boolean;
  agent: string | undefined;
  password: string | undefined;
}

/**
 * What is tried, in order: the explicit key, the agent, other keys, the password. The "none" request that ssh2 starts with is left out: it costs a
 * round trip and never succeeds.
 *
 * @throws Error for an explicit key that can't be read, or needs a passphrase.
 */
export async function authenticationMethods(credentials: Credentials): Promise<AnyAuthMethod[]> {
  const { user, agent, password, keyFilesAreExplicit } = credentials;
  const keys = await readKeys(credentials);
  const byKey = keys.map((key): AnyAuthMethod => ({ type: "publickey", username: user, key }));
  const byAgent: AnyAuthMethod[] = agent === undefined ? [] : [{ type: "agent", username: user, agent }];
  const methods = keyFilesAreExplicit ? [...byKey, ...byAgent] : [...byAgent, ...byKey];
  if (password !== undefined) {
    methods.push({ type: "password", username: user, password });
    methods.push({
      type: "keyboard-interactive",
      username: user,
      prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.map(() => password)),
    });
  }
  return methods;
}

/** The user to log in as when nobody says: the one who runs Plumb, as ssh does. */
export function localUser(): string {
  return userInfo().username;
}

const parsedKeys = new Map<string, Promise<ParsedKey | undefined>>();

async function readKeys({ keyFiles, keyFilesAreExplicit }: Credentials): Promise<ParsedKey[]> {
  const keys = await Promise.all(keyFiles.map((file) => readKey(expandHome(file), keyFilesAreExplicit)));
  return keys.filter((key) => key !== undefined);
}

function readKey(file: string, explicit: boolean): Promise<ParsedKey | undefined> {
  const cached = parsedKeys.get(file);
  if (cached !== undefined) return cached;
  const reading = parseKeyFile(file, explicit);
  parsedKeys.set(file, reading);
  return reading;
}

async function parseKeyFile(file: string, explicit: boolean): Promise<ParsedKey | undefined> {
  let text: Buffer;
  try {
    text = readFileSync(file);
  } catch (error) {
    if (!explicit) return undefined;
    throw new Error(
      `the private key ${file} can't be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  const parsed = ssh2.utils.parseKey(text);
  if (!(parsed instanceof Error)) return parsed;
  if (!explicit) return undefined;
  const hint = /passphrase|encrypted/i.test(parsed.message)
    ? "; it has a passphrase: load it into ssh-agent (ssh-add)"
    : "";
  throw new Error(`the private key ${file} can't be used: ${parsed.message}${hint}`);
}
