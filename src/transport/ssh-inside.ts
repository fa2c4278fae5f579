import { createSecretKey } from "node:crypto";
import type { Client } from "ssh2";

interface SshProtocol {
  requestSuccess(): void;
}

/** What ssh2 has no name for that others may use. Should these be called otherwise some day, all goes on as ssh2 does it by itself. */
interface SshInside {
  _protocol?: {
    _handlers?: Record<string, GlobalRequestHandler>;
    _cipher?: { _encKey?: unknown };
    _decipher?: { _decipherKey?: unknown };
  };
}

type GlobalRequestHandler = (protocol: SshProtocol, name: string, wantsReply: boolean, data: unknown) => void;

/**
 * ssh2 asks a server to sign with every host key that it has (hostkeys-prove-00@openssh.com, OpenSSH's PROTOCOL, 2.5), which the first questions wait for. Nobody
 * here takes new keys from a server: there is nothing to be proved.
 */
export function leaveKeysUnproved(client: Client): void {
  const handlers = (client as SshInside)._protocol?._handlers;
  const handle = handlers?.["GLOBAL_REQUEST"];
  if (handlers === undefined || handle === undefined) return;
  handlers["GLOBAL_REQUEST"] = (by, name, wantsReply, data) => {
    if (name !== "hostkeys-00@openssh.com") handle(by, name, wantsReply, data);
    else if (wantsReply) by.requestSuccess();
  };
}

/** ssh2 gives Node.js the key anew with each packet, as bytes, and to make something of them takes longer than to encrypt the packet. */
export function keepKeysReady(client: Client): void {
  const { _cipher: cipher, _decipher: decipher } = (client as SshInside)._protocol ?? {};
  if (Buffer.isBuffer(cipher?._encKey)) cipher._encKey = createSecretKey(cipher._encKey);
  if (Buffer.isBuffer(decipher?._decipherKey)) decipher._decipherKey = createSecretKey(decipher._decipherKey);
}
