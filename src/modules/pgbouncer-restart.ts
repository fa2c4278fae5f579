import { z } from "zod";
import { type ServiceProcess, serviceProcess } from "../queries/service-process.ts";
import { unitName } from "../queries/unit-state.ts";
import { defineLoadingModule } from "./module.ts";
import { type Login, loginOf, loginParams } from "./pg-query.ts";
import { type Restarted, type RestartWish, restartPooler } from "./restart-pooler.ts";

const params = z.strictObject({
  ...loginParams,
  service: z.string().min(1).default("pgbouncer").describe("The service of the instance."),
  siblings: z
    .boolean()
    .default(false)
    .describe(
      "Other instances on this host listen at the same port (so_reuseport), and take the new clients.",
    ),
  balanced: z
    .boolean()
    .default(false)
    .describe(
      "Load balancers ask the health endpoint: it tells them to send nobody new, until /run/plumb-pgbouncer-drain is removed or the time in it is over.",
    ),
  balancer_seconds: z.number().min(0).max(600).default(4).describe("How long load balancers need to notice."),
  listen_addr: z
    .string()
    .default("*")
    .describe("Where it listens: connections to this address wait while it is down, rather than be refused."),
  drain_seconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(0)
    .describe(
      "How long clients have to leave by themselves, where new ones go elsewhere: to other instances, or because a load balancer sends none.",
    ),
  transaction_seconds: z
    .number()
    .min(1)
    .max(3600)
    .default(60)
    .describe("How long transactions may then take to end. What takes longer is not cut: the task fails."),
  cut_transactions: z.boolean().default(false).describe("Cut what takes longer, rather than fail."),
  only_if_outdated: z
    .boolean()
    .default(false)
    .describe(
      "Only where its program, one of its libraries or its unit has been replaced since it was started, or it does not run.",
    ),
});

type Params = z.infer<typeof params>;

export const pgbouncerRestart = defineLoadingModule<
  Params,
  { want: Params; login: Login },
  { process: ReturnType<typeof serviceProcess> },
  undefined
>({
  name: "pgbouncer_restart",
  summary: "One instance of PgBouncer restarted so that clients notice as little as can be",
  description:
    "With other instances at the same port and PgBouncer 1.23 or later: new clients go to them, those who are here leave by themselves within `drain_seconds` (SHUTDOWN WAIT_FOR_CLIENTS), and who stays is cut between two transactions. A client that leaves now and then, as pools do that renew their connections, notices nothing.\n\nOtherwise: transactions end while everybody waits (PAUSE), and the process is replaced at once; each client is cut once and connects anew. Connections that arrive in between wait: the kernel holds them back for that moment (nftables, where the host has it), and they are not refused.\n\nA transaction that is not over in time makes the task fail; after PAUSE everything goes on as before. The host itself starts the instance again, and resumes, if the controller is lost.",
  params,
  secretParams: ["password"],
  examples: [
    {
      title: "One of two processes",
      yaml: '- pgbouncer_restart:\n    service: pgbouncer-2\n    socket: /run/pgbouncer-2\n    siblings: true\n    drain_seconds: 120\n    user: pgb_admin\n    password: "{{ pgbouncer_admin_password }}"\n',
    },
    {
      title: "After an upgrade of the package or of OpenSSL",
      yaml: '- pgbouncer_restart:\n    only_if_outdated: true\n    socket: /run/pgbouncer\n    listen_addr: 10.0.0.21\n    user: pgb_admin\n    password: "{{ pgbouncer_admin_password }}"\n',
    },
  ],
  returns: {
    way: "start, leave (clients went to other instances) or pause.",
    clients: "How many clients there were.",
    cut: "How many of them were cut, between two transactions.",
    version: "What runs now.",
  },
  load: async (want, controller) => ({
    want,
    login: await loginOf(want, "pgbouncer", controller.resolvePath),
  }),
  queries: ({ want }) => ({ process: serviceProcess(unitName(want.service)) }),
  diff: ({ want }, { process }, situation) => {
    const why =
      outdatedBy(process) ??
      (situation.checkMode && situation.changesPending ? "if what runs is replaced before" : undefined);
    if (want.only_if_outdated && why === undefined)
      return { action: "none", reason: "it runs what is installed" };
    return {
      action: "run",
      summary:
        process.pid === 0
          ? `start ${want.service}`
          : `restart ${want.service}${why === undefined ? "" : `: ${why}`}`,
      differences: [],
      detail: undefined,
    };
  },
  steps: (change, { want, login }) => [
    {
      kind: "controller",
      title: change.summary,
      timeoutMs: (want.drain_seconds + want.transaction_seconds + 300) * 1000,
      run: async (host) => ({
        output: { title: change.summary, data: await restartPooler(host, wishOf(want), login) },
      }),
    },
  ],
  result: (_input, outputs) => {
    const done = outputs[0]?.data as Restarted | undefined;
    if (done === undefined) return { changed: false, failed: true, message: "nothing was done" };
    return {
      changed: true,
      message: messageOf(done),
      data: { way: done.way, clients: done.clients, cut: done.cut, version: done.version },
    };
  },
});

function outdatedBy(process: ServiceProcess): string | undefined {
  if (process.pid === 0) return "it does not run";
  if (process.unitIsNewer) return "its unit has been written since it was started";
  const [first, ...more] = process.replacedFiles;
  if (first === undefined) return undefined;
  // Of a process with a view of its own on the file system, the kernel does not tell the path of a program that is gone.
  const name = first === "/" ? "its program" : first;
  return `${name}${more.length === 0 ? "" : ` and ${more.length} more`} has been replaced since it was started`;
}

const wishOf = (want: Params): RestartWish => ({
  service: want.service,
  siblings: want.siblings,
  balancerSeconds: want.balanced ? want.balancer_seconds : undefined,
  listenAddress: want.listen_addr,
  port: want.port,
  drainSeconds: want.drain_seconds,
  transactionSeconds: want.transaction_seconds,
  cutTransactions: want.cut_transactions,
});

function messageOf({ way, clients, cut, version }: Restarted): string {
  if (way === "start") return `started (${version})`;
  const left = clients - cut;
  const told = [
    ...(left > 0 ? [`${left} ${left === 1 ? "client" : "clients"} left by themselves`] : []),
    ...(cut > 0 ? [`${cut} cut between two transactions`] : []),
  ];
  return `restarted, ${told.length === 0 ? "without clients" : told.join(", ")} (${version})`;
}
