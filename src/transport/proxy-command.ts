import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";

/** Where a command leads to. */
interface Destination {
  address: string;
  port: number;
  user: string;
  /** The host as it was given, before ~/.ssh/config made another name of it. */
  original: string;
}

/** A stream that a command carries, and what the command itself says. */
export interface CommandWay {
  stream: Duplex;
  /**
   * What became of the command, asked when the stream was of no use: that it failed, with its exit status and what it has said, or what it has said so far. It waits a moment for a
   * command that is about to end.
   */
  verdict(): Promise<CommandVerdict>;
}

export interface CommandVerdict {
  /** Whether the command itself failed, and not who is at its other end. */
  hasFailed: boolean;
  text: string;
}

/** How long a command may take to end after its output has. */
const LAST_MOMENT_MS = 1000;

/** So much of what a command says is kept: the end. */
const KEPT_CHARACTERS = 2000;

/** sshd of a jump host turns connections away while many log in: no fault of the command. (messages of OpenSSH 9.2 and 10.0) */
const TURNED_AWAY = /kex_exchange_identification|Connection (?:reset|closed) by/;

/** ProxyCommand with the tokens that ssh -G leaves in place (ssh_config(5), TOKENS). It is ended with the connection. */
export function throughCommand(destination: Destination, command: string): CommandWay {
  const text = withTokens(command, destination);
  // Ctrl-C lets the step under way come to its end, and so does the way to its host.
  const child = spawn("/bin/sh", ["-c", `trap '' INT; exec ${text}`], { stdio: ["pipe", "pipe", "pipe"] });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  // One that leads nowhere would go on, and keep the process from its end.
  stream.once("close", () => child.kill());
  let said = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (more: string) => {
    said = (said + more).slice(-KEPT_CHARACTERS);
  });
  const ended = endOf(child);
  return {
    stream,
    verdict: async () => {
      const end = await Promise.race([ended, wait(LAST_MOMENT_MS, undefined, { ref: false })]);
      const lines = said.replaceAll("\r", "").trim();
      if (end === undefined && lines === "") return { hasFailed: false, text: "" };
      const about = lines === "" ? "" : `: ${lines}`;
      return {
        hasFailed: end?.hasFailed === true && !TURNED_AWAY.test(lines),
        text: `the ProxyCommand \`${text}\` ${end?.text ?? "says"}${about}`,
      };
    },
  };
}

function withTokens(command: string, { address, port, user, original }: Destination): string {
  const values: Record<string, string> = {
    "%h": address,
    "%n": original,
    "%p": String(port),
    "%r": user,
    "%%": "%",
  };
  return command.replace(/%[%hnpr]/g, (token) => values[token] ?? token);
}

/** How a command has ended; undefined for one that was ended here. */
function endOf(child: ChildProcess): Promise<CommandVerdict | undefined> {
  return new Promise((resolve) => {
    child.once("error", ({ message }) =>
      resolve({ hasFailed: true, text: `could not be started: ${message}` }),
    );
    child.once("close", (code, signal) => {
      if (code !== null) resolve({ hasFailed: code !== 0, text: `ended with exit status ${code}` });
      else resolve(child.killed ? undefined : { hasFailed: true, text: `was ended by ${signal}` });
    });
  });
}
