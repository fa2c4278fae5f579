import { randomBytes } from "node:crypto";
import { SHELL_LOOP, START_SHELL_LOOP } from "../shell/frame.ts";
import { quote } from "../shell/shell-text.ts";
import type { ByteChannel, ChannelOpener } from "./byte-channel.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { FramedShell } from "./framed-shell.ts";
import { type ShellUser, TransportError } from "./transport.ts";

export interface OpenShellOptions {
  host: string;
  opener: ChannelOpener;
  as: ShellUser;
  becomePassword: string | undefined;
  becomeFlags: ConnectionSettings["becomeFlags"] | undefined;
  becomeProgram: ConnectionSettings["becomeProgram"] | undefined;
  onClose: () => void;
}

/** Waiting longer than this for sudo or su means that it asks something nobody answers. */
const BECOME_TIMEOUT_MS = 20_000;

/**
 * Starts a framed shell for a user. Where no password is needed it is usable before the shell has answered: frames travel behind the command. Where
 * one may be needed, the password is sent when it is asked for, and not before: otherwise it would be read as a frame.
 *
 * @throws TransportError become-failed, become-password-required, become-password-wrong
 */
export async function openShell(options: OpenShellOptions): Promise<FramedShell> {
  const { as, opener, becomePassword } = options;
  if (as.kind === "login") {
    return new FramedShell(await opener.exec(START_SHELL_LOOP), undefined, options.onClose);
  }
  if (becomePassword === undefined) {
    return new FramedShell(
      await opener.exec(becomeCommand(as, undefined, options)),
      undefined,
      options.onClose,
    );
  }
  const prompt = `plumb-password-${randomBytes(8).toString("hex")}:`;
  const channel = await opener.exec(becomeCommand(as, prompt, options));
  const pid = await answerPrompt(channel, { ...options, prompt, password: becomePassword });
  return new FramedShell(channel, pid, options.onClose);
}

/** The command line that becomes a user and starts the loop. What is in it everybody on the host can read. */
export function becomeCommand(
  as: Extract<ShellUser, { kind: "become" }>,
  prompt: string | undefined,
  given: Partial<Pick<OpenShellOptions, "becomeFlags" | "becomeProgram">> = {},
): string {
  const user = quote(as.user);
  const { becomeFlags, becomeProgram } = given;
  const words = as.flags ?? (becomeFlags?.method === as.method ? becomeFlags.words : []);
  const ofAll = becomeProgram?.method === as.method ? becomeProgram.path : as.method;
  const program = quote(as.program ?? ofAll);
  const flags = words.map((word) => `${quote(word)} `).join("");
  if (as.method === "su")
    return `LC_ALL=C exec ${program} -s /bin/sh ${flags}${user} -c ${quote(SHELL_LOOP)}`;
  const asking = prompt === undefined ? "-n" : `-S -p ${quote(prompt)}`;
  return `LC_ALL=C exec ${program} -H ${flags}${asking} -u ${user} -- /bin/sh -c ${quote(SHELL_LOOP)}`;
}

async function answerPrompt(
  channel: ByteChannel,
  options: OpenShellOptions & { prompt: string; password: string },
): Promise<number> {
  const { as, prompt, password } = options;
  const asked = as.kind === "become" && as.method === "su" ? /password: ?$/i : new RegExp(`${prompt}$`);
  return new Promise<number>((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    let answered = false;
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      channel.stdout.off("data", onStdout);
      channel.stderr.off("data", onStderr);
      finish();
    };
    const fail = (wrong: boolean): void => {
      settle(() => reject(becomeError(options, stderr.replaceAll(prompt, ""), wrong)));
      channel.close();
    };
    const timer = setTimeout(() => fail(answered), BECOME_TIMEOUT_MS);
    const onStdout = (chunk: Buffer): void => {
      stdout += chunk.toString("latin1");
      const ready = /plumb-ready (\d+)\n/.exec(stdout);
      if (ready?.[1] !== undefined) settle(() => resolve(Number(ready[1])));
      else if (asked.test(stdout)) answer();
    };
    const onStderr = (chunk: Buffer): void => {
      stderr += chunk.toString();
      if (asked.test(stderr)) answer();
    };
    const answer = (): void => {
      stderr = stderr.replace(asked, "");
      stdout = stdout.replace(asked, "");
      if (answered) fail(true);
      else channel.stdin.write(`${password}\n`);
      answered = true;
    };
    channel.stdout.on("data", onStdout);
    channel.stderr.on("data", onStderr);
    void channel.closed.then(() => fail(answered));
  });
}

/** Why a shell of another user could not be had, from what sudo or su said. */
export function becomeError(
  options: Pick<OpenShellOptions, "host" | "as">,
  stderr: string,
  wrongPassword: boolean,
): TransportError {
  const { host, as } = options;
  const user = as.kind === "become" ? as.user : "";
  // sudo ends with a complaint of its own plug-in, whatever the reason was.
  const lines = stderr.trim().split("\n");
  const said = lines.findLast((line) => !line.includes("audit plugin")) ?? lines.at(-1) ?? "";
  if (wrongPassword) {
    return new TransportError(
      "become-password-wrong",
      host,
      `${host}: the become password for ${user} was refused`,
      {
        hint: "check ansible_become_password, or run again with --ask-become-pass",
      },
    );
  }
  if (
    /password is required|terminal is required|Authentication failure|must be run from a terminal/i.test(said)
  ) {
    return new TransportError(
      "become-password-required",
      host,
      `${host}: becoming ${user} needs a password`,
      {
        hint: "run again with --ask-become-pass, or set ansible_become_password (from a vault)",
      },
    );
  }
  return new TransportError(
    "become-failed",
    host,
    `${host}: could not become ${user}${said === "" ? "" : `: ${said}`}`,
    {
      hint: `try it by hand: ssh to the host and run \`sudo -n -u ${user} true\``,
    },
  );
}
