import type { Diagnostic } from "../diagnostics/diagnostic.ts";

/** Something that is wrong with the variables of a host. */
export interface HostFault {
  host: string;
  diagnostic: Diagnostic;
}

/** What is wrong with many hosts, each fault once: a line of a group is read for each of its hosts. */
export function eachFaultOnce(found: readonly HostFault[]): Diagnostic[] {
  const faults = new Map<string, { diagnostic: Diagnostic; hosts: Set<string> }>();
  for (const { host, diagnostic } of found) {
    const key = keyOf(diagnostic, host);
    const known = faults.get(key) ?? { diagnostic, hosts: new Set<string>() };
    known.hosts.add(host);
    faults.set(key, known);
  }
  return [...faults.values()].map(told);
}

/** One fault of many hosts is one: its place, and of several in one line the variable that it is about. */
function keyOf({ code, message, at }: Diagnostic, host: string): string {
  if (at === undefined) return message;
  const [variable] = /\b(ansible|become)_\w+/.exec(message.replace(`${host}: `, "")) ?? [""];
  return `${code} ${at.file}:${at.line}:${at.column} ${variable}`;
}

function told({ diagnostic, hosts }: { diagnostic: Diagnostic; hosts: ReadonlySet<string> }): Diagnostic {
  const more = hosts.size - 1;
  if (more === 0) return diagnostic;
  return {
    ...diagnostic,
    message: `${diagnostic.message} (and so for ${more} more ${more === 1 ? "host" : "hosts"})`,
  };
}
