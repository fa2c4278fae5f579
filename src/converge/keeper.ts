import type { NeededChange } from "../modules/change.ts";
import type { Step } from "../modules/step.ts";
import { type Subject, subjectKey } from "../modules/subject.ts";
import { rawShell, type ShellText, shellLines } from "../shell/shell-text.ts";
import { afterPackagesScript, type Journal, type KeptSubject, keepScript } from "./keep-script.ts";
import type { AnyModule } from "./prepare.ts";

/** Keeps what the steps of one change replace: it gives the shell text that goes before what they do, in the same script. */
export interface Keeper {
  /** What has to be kept before a script runs; undefined when nothing has, or it has been given already. */
  beforeScript(): ShellText | undefined;
  /** The same for a script that is to end with its own exit code. */
  guarded(script: ShellText): ShellText;
  /** What has to be kept before a file is replaced. */
  beforeWrite(path: string, secret: boolean): ShellText | undefined;
}

const OWN_FOLDER = "/var/lib/plumb/";

interface KeeperOptions {
  journal: Journal;
  /** What a module says it touches, besides files that are written as a step of their own. */
  subjects: readonly Subject[];
  task: string;
  /** Whether a secret stands in a text. */
  holdsSecret(text: string): boolean;
  /** The next number of the run on this host. */
  nextNumber(): number;
}

export function keeper({ journal, subjects, task, holdsSecret, nextNumber }: KeeperOptions): Keeper {
  let waiting = subjects;
  const numbered = (things: readonly Subject[]): KeptSubject[] => {
    const number = `${journal.session}.${String(nextNumber()).padStart(5, "0")}`;
    return things.map((subject, index) => ({
      subject: withoutSecretName(subject, holdsSecret),
      number: `${number}.${index}`,
      task,
    }));
  };
  const beforeScript = (): ShellText | undefined => {
    if (waiting.length === 0) return undefined;
    const kept = numbered(waiting);
    waiting = [];
    return keepScript(journal, kept);
  };
  return {
    beforeScript,
    guarded: (script) => {
      const installs = waiting.some(({ kind }) => kind === "packages");
      const text = beforeScript();
      if (text === undefined) return script;
      return installs ? shellLines(text, notingPackages(script, journal)) : shellLines(text, script);
    },
    beforeWrite: (path, secret) => {
      // What Plumb writes for itself on the way is no business of an undo.
      if (path.startsWith(OWN_FOLDER)) return beforeScript();
      const subject: Subject = { kind: "path", path, ...(secret ? { secret } : {}) };
      const kept = numbered([subject, ...waiting]);
      waiting = [];
      return keepScript(journal, kept);
    },
  };
}

/** What is kept is found by its name later, and the names stand in an index: one that holds a secret is not written there. */
function withoutSecretName(subject: Subject, holdsSecret: (text: string) => boolean): Subject {
  const written = subject.kind === "again" ? `${subject.title} ${subject.script.shell}` : subjectKey(subject);
  return holdsSecret(written)
    ? { kind: "lost", what: `a ${subject.kind} with a secret in its name` }
    : subject;
}

/** What the script itself has changed of packages is told from what others change later. */
function notingPackages(script: ShellText, journal: Journal): ShellText {
  return shellLines(
    rawShell("("),
    script,
    rawShell(")\ncode=$?"),
    afterPackagesScript(journal),
    rawShell('exit "$code"'),
  );
}

/**
 * What is kept for a change: what the module says, files that are written as steps left out, because these are kept when they are written. Of a module that
 * says nothing, everything else that it does is beyond undoing.
 */
export function subjectsOf(
  module: AnyModule,
  input: unknown,
  change: NeededChange,
  steps: readonly Step[],
): Subject[] {
  const written = new Set(steps.flatMap((step) => (step.kind === "write-file" ? [step.path] : [])));
  if (module.touches !== undefined) {
    return module
      .touches(input, change)
      .filter((subject) => subject.kind !== "path" || !written.has(subject.path));
  }
  const subjects = steps.flatMap((step) => (step.kind === "script" ? (step.touches ?? []) : []));
  const saysAll = steps.every(
    (step) => step.kind === "write-file" || (step.kind === "script" && step.touches !== undefined),
  );
  return saysAll ? subjects : [...subjects, { kind: "lost", what: `${module.name}: ${change.summary}` }];
}
