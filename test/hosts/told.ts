import type { Converged } from "./converge.ts";

/** `host name: status` of every task that has a name, in the order of the hosts' names. */
export function told({ tasks }: Converged): string[] {
  return tasks
    .filter(({ task }) => task.name !== task.module)
    .map(({ host, task, status }) => `${host} ${task.name}: ${status}`);
}

/** Of these, what one host did. */
export const onlyOn = (host: string, lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith(`${host} `)).map((line) => line.slice(host.length + 1));

/** What failed said. */
export const failures = ({ tasks }: Converged): string[] =>
  tasks.filter(({ status }) => status === "failed").map(({ message }) => message);
