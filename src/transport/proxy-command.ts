import { spawn } from "node:child_process";
import { Duplex } from "node:stream";

/** Where a command leads to. */
interface Destination {
  address: string;
  port: number;
  user: string;
}

/** ProxyCommand with the tokens that ssh -G leaves in place (ssh_config(5), TOKENS). It is ended with the connection. */
export function throughCommand({ address, port, user }: Destination, command: string): Duplex {
  const text = command.replace(/%[%hpr]/g, (token) =>
    token === "%h" ? address : token === "%p" ? String(port) : token === "%r" ? user : "%",
  );
  // Ctrl-C lets the step under way come to its end, and so does the way to its host.
  const child = spawn("/bin/sh", ["-c", `trap '' INT; exec ${text}`], { stdio: ["pipe", "pipe", "inherit"] });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  // One that leads nowhere would go on, and keep the process from its end.
  stream.once("close", () => child.kill());
  return stream;
}
