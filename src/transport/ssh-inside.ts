import { createSecretKey } from "node:crypto";
import type { Client, ParsedKey } from "ssh2";

interface SshProtocol {
  requestSuccess(): void;
  authPK?: AuthenticateByKey;
  _handlers?: { GLOBAL_REQUEST?: GlobalRequestHandler; USERAUTH_PK_OK?: (protocol: SshProtocol) => void };
  _cipher?: { _encKey?: unknown };
  _decipher?: { _decipherKey?: unknown };
}

/** Without `sign` it asks whether the key would do, and signs nothing. */
type AuthenticateByKey = (user: string, key: ParsedKey, algorithm?: unknown, sign?: unknown) => void;

type GlobalRequestHandler = (protocol: SshProtocol, name: string, wantsReply: boolean, data: unknown) => void;

/** What ssh2 has no name for that others may use. Should these be called otherwise some day, all goes on as ssh2 does it by itself. */
interface SshInside {
  _protocol?: SshProtocol;
}

/**
 * Leaves out what a connection does not need, and does the rest in less time. To be called when the client has been told to connect, and before it has heard anything.
 */
export function shortenHandshake(client: Client): void {
  const protocol = (client as SshInside)._protocol;
  if (protocol === undefined) return;
  leaveKeysUnproved(protocol);
  signAtOnce(protocol);
  client.on("handshake", () => keepKeysReady(protocol));
}

/**
 * ssh2 asks a server to sign with every host key that it has (hostkeys-prove-00@openssh.com, OpenSSH's PROTOCOL, 2.5), which the first questions wait for. Nobody
 * here takes new keys from a server: there is nothing to be proved.
 */
function leaveKeysUnproved({ _handlers: handlers }: SshProtocol): void {
  const handle = handlers?.GLOBAL_REQUEST;
  if (handlers === undefined || handle === undefined) return;
  handlers.GLOBAL_REQUEST = (by, name, wantsReply, data) => {
    if (name !== "hostkeys-00@openssh.com") handle(by, name, wantsReply, data);
    else if (wantsReply) by.requestSuccess();
  };
}

/**
 * ssh2 asks whether a key would do before it signs with it, a round trip for nothing where the key is at hand: signing takes less time than the question (RFC 4252, 7,
 * leaves it to the client; sshd counts and logs a key that won't do as failed either way). An agent is asked only for a key that will do: it may ask a person.
 */
function signAtOnce(protocol: SshProtocol): void {
  const { authPK: authenticate, _handlers: handlers } = protocol;
  if (authenticate === undefined) return;
  protocol.authPK = (user, key, algorithm, sign) => {
    const isAccepted = handlers?.USERAUTH_PK_OK;
    if (sign === undefined && isAccepted !== undefined && key.isPrivateKey()) isAccepted(protocol);
    else authenticate.call(protocol, user, key, algorithm, sign);
  };
}

/** ssh2 gives Node.js the key anew with each packet, as bytes, and to make something of them takes longer than to encrypt the packet. */
function keepKeysReady({ _cipher: cipher, _decipher: decipher }: SshProtocol): void {
  if (Buffer.isBuffer(cipher?._encKey)) cipher._encKey = createSecretKey(cipher._encKey);
  if (Buffer.isBuffer(decipher?._decipherKey)) decipher._decipherKey = createSecretKey(decipher._decipherKey);
}
