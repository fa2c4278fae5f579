import { spawn } from "node:child_process";
import net from "node:net";
import { userInfo } from "node:os";
import type { ChannelOpener } from "./byte-channel.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { ShellTransport } from "./shell-transport.ts";
import type { TransportError } from "./transport.ts";

/** The controller itself as a host (`ansible_connection: local`): the same framed shells, without SSH. */
export function openLocal(settings: ConnectionSettings): ShellTransport {
  return new ShellTransport({
    host: settings.name,
    isLocal: true,
    opener: localChannels(),
    loginUser: userInfo().username,
    becomePassword: settings.becomePassword,
    becomeFlags: settings.becomeFlags,
    becomeProgram: settings.becomeProgram,
    // This machine can't be lost without losing us.
    lost: new Promise<TransportError>(() => undefined),
  });
}

/** Programs and streams of this machine. */
export function localChannels(): ChannelOpener {
  const children = new Set<ReturnType<typeof spawn>>();
  return {
    exec: async (command) => {
      // In a session of its own, as sshd gives one: no terminal for a program to ask at, and Ctrl-C is the run's business alone.
      const child = spawn("/bin/sh", ["-c", command], {
        stdio: ["pipe", "pipe", "pipe"],
        cwd: "/",
        detached: true,
      });
      children.add(child);
      const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
      void closed.then(() => children.delete(child));
      child.on("error", () => child.kill());
      return {
        stdin: child.stdin,
        stdout: child.stdout,
        stderr: child.stderr,
        closed,
        close: () => child.kill(),
      };
    },
    forward: (target) =>
      new Promise((resolve, reject) => {
        const socket = net.connect(
          "socketPath" in target ? { path: target.socketPath } : { ...target, noDelay: true },
        );
        socket.once("connect", () => resolve(socket));
        socket.once("error", reject);
      }),
    close: async () => {
      for (const child of children) child.stdin?.end();
    },
  };
}
