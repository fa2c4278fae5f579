import type { Change } from "../modules/change.ts";
import type { Step } from "../modules/step.ts";
import type { PathState } from "../queries/path-state.ts";
import type { HostSession } from "./host-session.ts";
import type { HostStep } from "./join-changes.ts";
import type { Prepared } from "./prepare.ts";

/** What a change writes, where that is files, links and folders by their own names and nothing else; undefined where it may be more. */
export function pathsWritten(
  session: HostSession,
  prepared: Prepared,
  change: Change,
  steps: readonly HostStep[],
): readonly string[] | undefined {
  const { module, input } = prepared;
  if (change.action !== "create" && change.action !== "update") return undefined;
  if (module.result !== undefined || questionsAbout(prepared) === undefined) return undefined;
  if (steps.some((step) => step.kind === "script" && step.timeoutMs !== undefined)) return undefined;
  const subjects =
    module.touches?.(input, change) ??
    steps.flatMap((step) => (step.kind === "script" ? (step.touches ?? [{ kind: "lost", what: "" }]) : []));
  const paths = steps.flatMap((step) => (step.kind === "write-file" ? [step.path] : []));
  for (const subject of subjects) {
    if (subject.kind !== "path" || subject.tree === true) return undefined;
    paths.push(subject.path);
  }
  // By a link, or by another name of the same file, it could be somewhere else.
  for (const question of prepared.queries.values()) {
    const answered = session.answers.get(question);
    const state = answered?.known === true ? (answered.answer as Partial<PathState>) : undefined;
    if (state?.type === "link" || (state?.type === "file" && state.links !== 1)) return undefined;
  }
  return [...new Set(paths)];
}

/** Steps that may be a part of one script: by the task's user, without input or environment of their own. */
export function plainSteps(steps: readonly Step[]): readonly HostStep[] | undefined {
  const plain = steps.filter((step): step is HostStep => step.kind !== "controller" && isPlain(step));
  return plain.length === steps.length ? plain : undefined;
}

function isPlain(step: HostStep): boolean {
  if (step.as !== undefined) return false;
  if (step.kind === "write-file") return true;
  return [step.stdin, step.environment, step.succeedsWith, step.isUsersOwn].every((one) => one === undefined);
}

/** The paths on which all that a pass has asked depends. */
function questionsAbout({ queries }: Prepared): readonly string[] | undefined {
  const paths: string[] = [];
  for (const { query } of queries.values()) {
    const about = query.kind.paths?.(query.key);
    if (about === undefined) return undefined;
    paths.push(...about);
  }
  return paths;
}

/** What has been written so far. */
export class Written {
  readonly #paths: string[] = [];

  add(paths: readonly string[]): void {
    this.#paths.push(...paths);
  }

  /** Whether what a pass knows of the host is still true. */
  leavesAlone(prepared: Prepared): boolean {
    const about = questionsAbout(prepared);
    return about?.every((path) => this.#paths.every((written) => !isAffected(path, written))) === true;
  }

  /** Whether these are certainly others: one folder may be reached by several names, and have a file of the same name. */
  mayAlsoWrite(paths: readonly string[]): boolean {
    return paths.every((path) =>
      this.#paths.every(
        (written) => folderOf(path) === folderOf(written) || nameOf(path) !== nameOf(written),
      ),
    );
  }
}

/** Whether what is at a path may be otherwise after something else was written. */
function isAffected(path: string, written: string): boolean {
  if (path === written || path.startsWith(`${written}/`)) return true;
  return path === "/" ? folderOf(written) === "" : written.startsWith(`${path}/`);
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
