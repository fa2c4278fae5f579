import { createHash } from "node:crypto";
import { once } from "node:events";
import { lstatSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { Duplex, PassThrough, type Readable, Writable } from "node:stream";
import type { ByteChannel, ChannelOpener } from "./byte-channel.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { keptFolder } from "./kept-folder.ts";
import { FRAME, type KeptAnswer, type KeptRequest, readFrames, writeFrame } from "./kept-frames.ts";
import { ShellTransport } from "./shell-transport.ts";
import { TransportError } from "./transport.ts";

/** The socket of the connection that these settings lead to. What another way there, or another user, would be is in its name. */
export function keptSocket(settings: ConnectionSettings): string {
  const { name, address, port, user, privateKeyFile, proxyJump, proxyCommand } = settings;
  const { configFile, knownHostsFiles, hostKeyPolicy } = settings;
  const way = [
    ...[name, address, port, user, privateKeyFile, proxyJump, proxyCommand],
    ...[configFile, knownHostsFiles, hostKeyPolicy],
  ];
  const digest = createHash("sha256").update(JSON.stringify(way)).digest("hex").slice(0, 24);
  return path.join(keptFolder(), `${digest}.sock`);
}

/** Whether there is a folder with kept connections that nobody else can have put there. */
function isOurs(): boolean {
  try {
    const found = lstatSync(keptFolder());
    return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

/** A transport over a connection that `plumb connect` keeps; undefined when there is none for these settings. */
export async function openKept(settings: ConnectionSettings): Promise<ShellTransport | undefined> {
  if (!isOurs()) return undefined;
  const socket = keptSocket(settings);
  const watched = await ask(socket, { want: "watch" }).catch(() => undefined);
  if (watched === undefined) return undefined;
  const lost = once(watched.socket, "close").then(
    () =>
      new TransportError(
        "connection-lost",
        settings.name,
        `${settings.name}: the connection that plumb connect kept was lost`,
      ),
  );
  return new ShellTransport({
    host: settings.name,
    isLocal: false,
    opener: keptChannels(socket, watched.socket),
    loginUser: watched.answer.user,
    becomePassword: settings.becomePassword,
    becomeFlags: settings.becomeFlags,
    becomeProgram: settings.becomeProgram,
    lost,
  });
}

/** Ends a kept connection. @returns false when there was none. */
export async function endKept(settings: ConnectionSettings): Promise<boolean> {
  if (!isOurs()) return false;
  const asked = await ask(keptSocket(settings), { want: "end" }).catch(() => undefined);
  asked?.socket.destroy();
  return asked !== undefined;
}

function keptChannels(path: string, watched: net.Socket): ChannelOpener {
  const open = new Set([watched]);
  const asked = async (request: KeptRequest): Promise<Asked> => {
    const one = await ask(path, request);
    open.add(one.socket);
    one.socket.once("close", () => open.delete(one.socket));
    return one;
  };
  return {
    exec: async (command) => execChannel(await asked({ want: "exec", command })),
    forward: async (target) => forwardStream(await asked({ want: "forward", target })),
    close: async () => {
      for (const socket of open) socket.destroy();
    },
  };
}

interface Asked {
  socket: net.Socket;
  answer: KeptAnswer;
  /** From now on frames are handed to this. */
  take(took: (kind: number, bytes: Buffer) => void): void;
}

/** Asks for one thing, on a socket of its own. @throws Error when nobody listens, or the answer is an error. */
async function ask(path: string, request: KeptRequest): Promise<Asked> {
  const socket = net.connect({ path, allowHalfOpen: false });
  await once(socket, "connect");
  return new Promise((resolve, reject) => {
    let took: ((kind: number, bytes: Buffer) => void) | undefined;
    const early: [number, Buffer][] = [];
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the kept connection has ended")));
    readFrames(socket, (kind, bytes) => {
      if (kind !== FRAME.answer) {
        if (took === undefined) early.push([kind, bytes]);
        else took(kind, bytes);
        return;
      }
      const answer = JSON.parse(bytes.toString()) as KeptAnswer;
      if (answer.error !== undefined) {
        socket.destroy();
        reject(new Error(answer.error));
        return;
      }
      // Losing it is told by its close.
      socket.on("error", () => undefined);
      resolve({
        socket,
        answer,
        take: (taker) => {
          took = taker;
          for (const frame of early.splice(0)) taker(...frame);
        },
      });
    });
    writeFrame(socket, FRAME.request, Buffer.from(JSON.stringify(request)));
  });
}

function execChannel({ socket, take }: Asked): ByteChannel {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  take((kind, bytes) => {
    const stream = kind === FRAME.stdout ? stdout : stderr;
    if (stream.write(bytes)) return;
    socket.pause();
    stream.once("drain", () => socket.resume());
  });
  socket.once("close", () => {
    stdout.end();
    stderr.end();
  });
  return {
    stdin: frameWriter(socket),
    stdout,
    stderr,
    closed: Promise.all([ended(stdout), ended(stderr)]).then(() => undefined),
    close: () => socket.destroy(),
  };
}

function ended(stream: Readable): Promise<void> {
  return new Promise((resolve) => stream.once("end", resolve));
}

function frameWriter(socket: net.Socket): Writable {
  return new Writable({
    write: (bytes: Buffer, _encoding, done) => {
      if (writeFrame(socket, FRAME.stdin, bytes)) done();
      else socket.once("drain", () => done());
    },
    final: (done) => {
      writeFrame(socket, FRAME.stdinEnd);
      done();
    },
  });
}

function forwardStream({ socket, take }: Asked): Duplex {
  const incoming = new PassThrough();
  take((_kind, bytes) => {
    if (incoming.write(bytes)) return;
    socket.pause();
    incoming.once("drain", () => socket.resume());
  });
  socket.once("close", () => incoming.end());
  return Duplex.from({ readable: incoming, writable: frameWriter(socket) });
}
