import { rmSync } from "node:fs";
import net from "node:net";
import type { Duplex } from "node:stream";
import type { ByteChannel, ChannelOpener } from "./byte-channel.ts";
import { FRAME, type KeptAnswer, type KeptRequest, readFrames, writeFrame } from "./kept-frames.ts";

export interface KeptOptions {
  /** Where it is listened; nobody else may get into its folder. */
  socketPath: string;
  opener: ChannelOpener;
  user: string;
  /** When the connection to the host is gone. */
  lost: Promise<unknown>;
  /** It is given up when nobody has used it for so long. */
  idleSeconds: number;
}

/**
 * Lets other processes of the same user use a connection. Each channel is a socket of its own; when its process dies, the channel is closed, as sshd would.
 *
 * @returns fulfilled when it listens; `ended` when the connection is lost, was not used for too long, or somebody ended it.
 */
export async function keepConnection(options: KeptOptions): Promise<{ ended: Promise<void> }> {
  const { socketPath, opener, lost, idleSeconds } = options;
  const inUse = new Set<net.Socket>();
  let finish: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let idle = setTimeout(finish, idleSeconds * 1000);
  const server = net.createServer({ allowHalfOpen: false }, (socket) => {
    clearTimeout(idle);
    inUse.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => {
      inUse.delete(socket);
      clearTimeout(idle);
      if (inUse.size === 0) idle = setTimeout(finish, idleSeconds * 1000);
    });
    serve(socket, options, finish);
  });
  // One that a killed process left behind.
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  void lost.then(finish);
  void ended.then(async () => {
    clearTimeout(idle);
    server.close();
    rmSync(socketPath, { force: true });
    for (const socket of inUse) socket.destroy();
    await opener.close();
  });
  return { ended };
}

function serve(socket: net.Socket, { opener, user }: KeptOptions, finish: () => void): void {
  let channel: Promise<Channel> | undefined;
  const answer = (said: KeptAnswer): void =>
    void writeFrame(socket, FRAME.answer, Buffer.from(JSON.stringify(said)));
  readFrames(socket, (kind, bytes) => {
    if (kind !== FRAME.request) {
      channel?.then(({ write, end }) => (kind === FRAME.stdin ? write(bytes) : end())).catch(() => undefined);
      return;
    }
    const request = JSON.parse(bytes.toString()) as KeptRequest;
    if (request.want === "watch") answer({ user });
    else if (request.want === "end") {
      answer({});
      finish();
    } else {
      channel =
        request.want === "exec"
          ? opener.exec(request.command).then((opened) => serveProgram(socket, opened))
          : opener.forward(request.target).then((opened) => serveStream(socket, opened));
      channel.then(
        () => answer({}),
        (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
      );
    }
  });
}

/** What of a channel the frames of its process lead to. */
interface Channel {
  write(bytes: Buffer): void;
  end(): void;
}

function serveProgram(socket: net.Socket, channel: ByteChannel): Channel {
  pump(channel.stdout, socket, FRAME.stdout);
  pump(channel.stderr, socket, FRAME.stderr);
  void channel.closed.then(() => socket.end());
  socket.once("close", () => channel.close());
  channel.stdin.on("error", () => undefined);
  return into(channel.stdin, socket);
}

function serveStream(socket: net.Socket, stream: Duplex): Channel {
  pump(stream, socket, FRAME.stdout);
  stream.once("close", () => socket.end());
  stream.on("error", () => undefined);
  socket.once("close", () => stream.destroy());
  return into(stream, socket);
}

/** Nobody is sent more than is taken. */
function into(stream: NodeJS.WritableStream, socket: net.Socket): Channel {
  return {
    write: (bytes) => {
      if (stream.write(bytes)) return;
      socket.pause();
      stream.once("drain", () => socket.resume());
    },
    end: () => void stream.end(),
  };
}

function pump(from: NodeJS.ReadableStream, socket: net.Socket, kind: number): void {
  from.on("data", (bytes: Buffer) => {
    if (writeFrame(socket, kind, bytes)) return;
    from.pause();
    socket.once("drain", () => from.resume());
  });
}
