import type { Change } from "../modules/change.ts";
import { type PathState, pathState } from "../queries/path-state.ts";
import { type Answered, known } from "../queries/query.ts";
import type { HostSession } from "./host-session.ts";
import type { HostStep } from "./plain-steps.ts";
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
  /** Among them, folders that were not there before. */
  readonly #newFolders: string[] = [];

  add(paths: readonly string[], newFolder?: string): void {
    this.#paths.push(...paths);
    if (newFolder !== undefined) this.#newFolders.push(newFolder);
  }

  /** What is not there because its folder is not will not be there either when the folder has been made, and then nothing is in its way. */
  foreseen(session: HostSession, { queries }: Prepared): ReadonlyMap<string, Answered<unknown>> {
    const answers = new Map<string, Answered<unknown>>();
    for (const [name, question] of queries) {
      if (question.query.kind.name !== pathState.kind.name) continue;
      const answered = session.answers.get(question);
      const state = answered?.known === true ? (answered.answer as PathState) : undefined;
      if (state?.type !== "absent" || state.inTheWay !== undefined) continue;
      const missing = `${state.missingFolder}/`;
      // With a folder those above it are made.
      if (this.#newFolders.some((folder) => `${folder}/`.startsWith(missing)))
        answers.set(name, known({ type: "absent" } satisfies PathState));
    }
    return answers;
  }

  /** Whether what a pass knows of the host, and what is foreseen, is still true. */
  leavesAlone(prepared: Prepared): boolean {
    const about = questionsAbout(prepared);
    return about?.every((path) => this.#paths.every((written) => !this.#isAffected(path, written))) === true;
  }

  #isAffected(path: string, written: string): boolean {
    if (this.#newFolders.includes(written) && path.startsWith(`${written}/`)) return false;
    return isAffected(path, written);
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
