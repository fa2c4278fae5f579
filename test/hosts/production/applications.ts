import { setTimeout as wait } from "node:timers/promises";
import { client } from "./setting.ts";

/** What applications went through. */
export interface Experience {
  queries: number;
  /** By client, so that it can be told who noticed how often. */
  errors: Map<string, string[]>;
  longestMs: number;
}

/** The most errors that one client had. */
export const mostErrors = ({ errors }: Experience): number =>
  Math.max(0, ...[...errors.values()].map((list) => list.length));

/** Where they connect to. */
interface Way {
  host: string;
  /** Another address than the host's own. */
  address?: string;
}

/**
 * Applications at one pooler: six that stay connected for a time, as pools do that renew their connections, and three that log in anew for every query. After an error they connect anew.
 *
 * @param lifeMs how long a connection is kept; undefined for as long as it goes.
 */
export function applicationsAt(way: Way, lifeMs?: number): { stop: () => Promise<Experience> } {
  const seen: Experience = { queries: 0, errors: new Map(), longestMs: 0 };
  let stopped = false;
  const session = async (name: string, life: number): Promise<void> => {
    const started = Date.now();
    try {
      const one = await client(way.host, way);
      do {
        const asked = Date.now();
        await one.query("select 1");
        seen.longestMs = Math.max(seen.longestMs, Date.now() - asked);
        seen.queries++;
        await wait(25);
      } while (!stopped && Date.now() - started < life);
      one.end().catch(() => undefined);
    } catch (error) {
      seen.errors.set(name, [
        ...(seen.errors.get(name) ?? []),
        error instanceof Error ? error.message : String(error),
      ]);
      await wait(50);
    }
  };
  const forever = async (name: string, life: number): Promise<void> => {
    while (!stopped) await session(name, life);
  };
  const all = [
    ...Array.from({ length: 6 }, (_, index) => forever(`stays ${index}`, lifeMs ?? 1e9)),
    ...Array.from({ length: 3 }, (_, index) => forever(`comes ${index}`, 0)),
  ];
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(all);
      return seen;
    },
  };
}

/** The same while something happens, told on stderr: figures for docs/pgbouncer.md. */
export async function underApplications(
  what: string,
  host: string,
  happens: () => Promise<unknown>,
  lifeMs?: number,
): Promise<Experience> {
  const [seen] = await whileAsking(what, [applicationsAt({ host }, lifeMs)], happens);
  if (seen === undefined) throw new Error("no applications");
  return seen;
}

/** Lets something happen while they ask. @returns what each of them went through. */
export async function whileAsking(
  what: string,
  asking: readonly ReturnType<typeof applicationsAt>[],
  happens: () => Promise<unknown>,
): Promise<Experience[]> {
  let seen: Experience[] = [];
  try {
    await wait(500);
    await happens();
    await wait(500);
  } finally {
    seen = await Promise.all(asking.map(({ stop }) => stop()));
  }
  for (const one of seen) {
    const said = [...new Set([...one.errors.values()].flat())].join(", ");
    process.stderr.write(
      `${what}: ${one.queries} queries, ${one.errors.size} of 9 clients had errors, ${mostErrors(one)} at most (${said}), the longest query ${one.longestMs} ms\n`,
    );
  }
  return seen;
}

/** A transaction that is open until `commit` is called; that rejects when it has been cut. */
export async function openTransaction(
  host: string,
  database = "app",
  login: { user?: string; password?: string } = {},
): Promise<{ commit: () => Promise<void> }> {
  const one = await client(host, { database, ...login });
  await one.query("begin");
  await one.query("select 1");
  return {
    commit: async () => {
      await one.query("commit");
      await one.end();
    },
  };
}
