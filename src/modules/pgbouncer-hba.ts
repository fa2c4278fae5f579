import { z } from "zod";
import { hbaProblem, renderHba } from "../pgbouncer/hba.ts";
import {
  diffManagedFile,
  type FileChange,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineModule } from "./module.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";

/** A rule of the HBA file, as parameter. */
export const hbaRule = z
  .strictObject({
    type: z.enum(["local", "host", "hostssl", "hostnossl"]).default("hostssl").describe("How they connect."),
    databases: z.array(z.string()).min(1).default(["all"]).describe("To which databases."),
    users: z.array(z.string()).min(1).default(["all"]).describe("As which users."),
    address: z.string().optional().describe("From where: an address or a network; no host names."),
    method: z
      .enum(["scram-sha-256", "md5", "cert", "peer", "reject", "trust", "pam", "ldap"])
      .default("scram-sha-256")
      .describe("How they prove who they are."),
  })
  .superRefine((one, context) => {
    const problem = hbaProblem(one);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem, path: ["address"] });
  });

const params = z.strictObject({
  path: absolutePath.default("/etc/pgbouncer/pg_hba.conf").describe("The file (auth_hba_file)."),
  rules: z.array(hbaRule).describe("Who may connect, first match wins; who matches none is refused."),
  owner: accountName.default("root").describe("Owner of the file."),
  group: accountName.default("pgbouncer").describe("Group of the file: the service's."),
  mode: fileMode.default("0640").describe("Mode of the file."),
});

type Params = z.infer<typeof params>;

const fileOf = (want: Params): ManagedFile => ({
  path: want.path,
  content: textContent(renderHba(want.rules)),
  owner: want.owner,
  group: want.group,
  mode: want.mode,
});

export const pgbouncerHba = defineModule<Params, { at: ReturnType<typeof managedFileQuery> }, FileChange>({
  name: "pgbouncer_hba",
  summary: "PgBouncer's HBA file: which hosts and users may connect",
  params,
  examples: [
    {
      title: "Applications by TLS, nobody else",
      yaml: "- pgbouncer_hba:\n    rules:\n      - {address: 10.0.1.0/24}\n      - {type: local, users: [pgb_admin], databases: [pgbouncer]}\n",
    },
    {
      title: "One user from one host",
      yaml: "- pgbouncer_hba:\n    rules:\n      - {users: [report], databases: [app], address: 10.0.2.7}\n",
    },
  ],
  returns: { dest: "The path.", checksum: "SHA-256 of the content." },
  queries: (want, situation) => ({ at: managedFileQuery(want.path, false, situation) }),
  diff: (want, { at }, situation) => diffManagedFile(fileOf(want), at, situation),
  steps: (change, want) => managedFileSteps(fileOf(want), change.detail),
});
