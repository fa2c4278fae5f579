import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known } from "./query.ts";

/** The connection that Plumb came through, as the host sees it (sshd(8), SSH_CONNECTION); undefined when it is not an SSH connection. */
export type SshConnection = { clientAddress: string; serverAddress: string; serverPort: number } | undefined;

/** Must be asked as the user who logged in: sudo takes the variable out of the environment. */
export const sshConnection = defineQuery<"own", { connection: SshConnection }>({
  name: "ssh-connection",
  identify: (key) => key,
  script: () => ({ script: rawShell('printf "%s" "$SSH_CONNECTION"') }),
  parse: (output) => {
    const [clientAddress, , serverAddress, serverPort] = output.stdout.toString().trim().split(" ");
    if (clientAddress === undefined || serverAddress === undefined || serverPort === undefined)
      return [known({ connection: undefined })];
    return [known({ connection: { clientAddress, serverAddress, serverPort: Number(serverPort) } })];
  },
});
