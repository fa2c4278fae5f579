import { inputError } from "../diagnostics/diagnostic.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import { planPlays } from "../fleet/plan-plays.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { type Viewpoint, whyVariable } from "../fleet/why-variable.ts";
import { loadPlaybook } from "../playbook/load-playbook.ts";
import { requireKnownTags } from "../playbook/tags.ts";
import { paintFor } from "../views/colour.ts";
import { safeJson } from "../views/safe-text.ts";
import { whyTaskLines, whyVariableLines } from "../views/why-lines.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { hostRunOptions } from "./host-run-options.ts";
import { type HostOptions, shippedRoles } from "./read-input.ts";

export interface WhyCommandOptions extends HostOptions {
  task?: string;
  json?: boolean;
  tags?: string[];
  skipTags?: string[];
  rolesPath?: string[];
}

/** `plumb why HOST NAME [PLAYBOOK]` and `plumb why HOST --task NAME PLAYBOOK`. */
export async function whyCommand(
  host: string,
  names: readonly string[],
  options: WhyCommandOptions,
): Promise<ExitCode> {
  const base = await hostRunOptions(options);
  return withoutSecrets(base.secrets, () => explain(base, host, names, options));
}

async function explain(
  base: RunOptions,
  host: string,
  names: readonly string[],
  options: WhyCommandOptions,
): Promise<ExitCode> {
  const [name, file] = options.task === undefined ? names : [undefined, names[0]];
  const run = await withPlaybook(base, file, options);
  const output = consoleOutput();
  const paint = paintFor(output.isTerminal);
  const print = (lines: readonly string[], value: unknown): void =>
    output.write(options.json === true ? `${safeJson(value, 2)}\n` : `${lines.join("\n")}\n`);
  if (options.task !== undefined) {
    if (file === undefined) {
      throw inputError("invalid-option", "--task needs the playbook that the task is in", {
        expected: "plumb why HOST --task NAME PLAYBOOK",
      });
    }
    const { whyTask } = await import("../fleet/why-task.ts");
    const answer = await whyTask(run, host, options.task);
    print(whyTaskLines(answer, paint), answer);
    return answer.unreachable === undefined ? EXIT.ok : EXIT.unreachable;
  }
  if (name === undefined) {
    throw inputError("invalid-option", "why what?", {
      expected: "plumb why HOST VARIABLE [PLAYBOOK], or plumb why HOST --task NAME PLAYBOOK",
    });
  }
  const answer = await whyVariable(run, host, name, viewpoint(run, host));
  print(whyVariableLines(answer, paint), answer);
  return EXIT.ok;
}

async function withPlaybook(
  base: RunOptions,
  file: string | undefined,
  options: WhyCommandOptions,
): Promise<RunOptions> {
  if (file === undefined) return base;
  const rolePaths = [...(options.rolesPath ?? []), shippedRoles()];
  const { keyring } = base;
  const playbooks = [await loadPlaybook(file, { rolePaths, ...(keyring === undefined ? {} : { keyring }) })];
  const words = (all: readonly string[] | undefined): string[] =>
    (all ?? []).flatMap((one) => one.split(",")).filter(Boolean);
  const selection = { tags: words(options.tags), skipTags: words(options.skipTags) };
  requireKnownTags(playbooks, selection);
  return { ...base, playbooks, ...selection, diffMode: true };
}

/** The first play that the host is in. */
function viewpoint(run: RunOptions, host: string): Viewpoint | undefined {
  const [playbook] = run.playbooks;
  if (playbook === undefined) return undefined;
  const plays = planPlays(run).map(({ plan }) => plan(run.inventory));
  const found = plays.find(({ hosts }) => hosts.includes(host));
  if (found === undefined) {
    throw inputError("no-hosts", `no play of ${playbook.file} has the host ${host}`, {
      hint: "leave the playbook out to see what the inventory says",
    });
  }
  return found;
}
