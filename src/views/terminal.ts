import { Listr } from "listr2";
import type { Event, PlayStarted } from "../converge/event.ts";
import { paintFor } from "./colour.ts";
import { taskTitle } from "./event-lines.ts";
import { safeText } from "./safe-text.ts";
import { teller } from "./teller.ts";
import type { View, ViewOptions } from "./view.ts";

/** More rows than this make listr2 slow: it draws all of them for every change. */
const MOST_ROWS = 8;
/** How often the rows may change. */
const REDRAW_MS = 200;

/** One play on the screen: a row with how far it is, and below it the hosts that are doing something. */
interface PlayRow {
  play: PlayStarted;
  finished: Map<string, number>;
  busy: Map<string, string>;
  changes: number;
  failures: number;
  /** What concerns who watches now: it is written with the rest when the play is over, and stands below the rows until then. */
  notice: string | undefined;
  /** What to write when the play is over. */
  lines: string[];
  over: Promise<void>;
  end: () => void;
  /** Set while the row is on the screen. */
  draw: ((title: string, text: string | undefined) => void) | undefined;
  /** What is drawn below the title now. */
  drawn: string;
}

/**
 * Progress for a person: while a play runs, a few moving rows; what changed or went wrong stands below its row when it is over.
 */
export function terminalView({ output, diff, verbosity }: ViewOptions): View {
  const tell = teller({ paint: paintFor(output.isTerminal), diff, verbosity });
  const write = (lines: readonly string[]): void => {
    for (const line of lines) output.write(`${line}\n`);
  };
  let row: PlayRow | undefined;
  // What is written waits for its turn: rows that move and lines that stay must not mix.
  let written: Promise<void> = Promise.resolve();
  const redraw = setInterval(() => draw(row), REDRAW_MS);
  redraw.unref();
  const endRow = (): void => {
    const ended = row;
    row = undefined;
    if (ended === undefined) return;
    ended.end();
    written = written.then(() => write(ended.lines));
  };
  return {
    show: (event) => {
      const lines = tell(event);
      if (event.type === "play-started") {
        endRow();
        const started = newRow(event);
        row = started;
        written = written.then(() => write(lines)).then(() => runRow(started));
      } else if (event.type === "play-finished") {
        row?.lines.push(...lines);
        endRow();
      } else if (row === undefined) written = written.then(() => write(lines));
      else {
        track(row, event);
        row.lines.push(...lines);
        if (event.type === "stopping" || event.type === "warning") row.notice = lines[0];
      }
    },
    close: async () => {
      clearInterval(redraw);
      endRow();
      await written;
    },
  };
}

function newRow(play: PlayStarted): PlayRow {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    play,
    finished: new Map(),
    busy: new Map(),
    changes: 0,
    failures: 0,
    notice: undefined,
    lines: [],
    over: promise,
    end: resolve,
    draw: undefined,
    drawn: "",
  };
}

async function runRow(row: PlayRow): Promise<void> {
  const list = new Listr(
    [
      {
        title: titleOf(row),
        task: async (_context, task) => {
          row.draw = (title, text) => {
            task.title = title;
            if (text !== undefined) task.output = text;
          };
          await row.over;
          task.title = titleOf(row);
        },
        rendererOptions: { outputBar: MOST_ROWS + 1, persistentOutput: false },
      },
    ],
    // Ctrl-C is the run's business: listr2 would end the process at once, in the middle of steps.
    { exitOnError: false, registerSignalListeners: false },
  );
  await list.run();
}

function draw(row: PlayRow | undefined): void {
  if (row?.draw === undefined) return;
  const busy = [...row.busy].slice(0, MOST_ROWS).map(([host, doing]) => `${safeText(host)}  ${doing}`);
  const lines = row.notice === undefined ? busy : [...busy, row.notice];
  const text = lines.join("\n");
  // Each output is drawn below the last one: the same again would only fill the screen.
  row.draw(titleOf(row), text === row.drawn ? undefined : text);
  row.drawn = text;
}

function titleOf({ play, finished, changes, failures }: PlayRow): string {
  const done = [...finished.values()].reduce((sum, count) => sum + count, 0);
  const all = play.hosts.length * play.taskCount;
  const failed = failures === 0 ? "" : `, ${failures} failed`;
  return `${Math.min(done, all)}/${all} tasks on ${play.hosts.length} ${play.hosts.length === 1 ? "host" : "hosts"}, ${changes} changed${failed}`;
}

function track(row: PlayRow, event: Event): void {
  if (event.type === "task-started")
    row.busy.set(event.host, `${taskTitle(event.task)}: ${safeText(event.summary)}`);
  if (event.type === "task-progress") {
    const line = event.line === undefined ? "" : `: ${safeText(event.line).slice(0, 60)}`;
    row.busy.set(event.host, `${taskTitle(event.task)}: ${safeText(event.step)}${line}`);
  }
  if (event.type !== "task-finished") return;
  row.busy.delete(event.host);
  row.finished.set(event.host, (row.finished.get(event.host) ?? 0) + 1);
  if (event.status === "changed" || event.status === "would-change") row.changes += 1;
  if (event.status === "failed") row.failures += 1;
}
