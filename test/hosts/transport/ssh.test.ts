import { openSsh } from "../../../src/transport/ssh.ts";
import { transportContract } from "../../transport/contract.ts";
import { lab } from "../lab.ts";
import { labHost } from "../lab-hosts.ts";

transportContract(async () => {
  const { keyFile, knownHostsFile } = lab;
  return openSsh({
    name: "bookworm1",
    connection: "ssh",
    address: labHost("bookworm1").address,
    user: "admin",
    privateKeyFile: keyFile,
    knownHostsFiles: [knownHostsFile],
    hostKeyPolicy: "strict",
    connectTimeoutMs: 10_000,
    becomeMethod: "sudo",
  });
});
