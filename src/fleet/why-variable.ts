import path from "node:path";
import { HostVariables } from "../converge/host-variables.ts";
import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { REDACTED } from "../diagnostics/secrets.ts";
import { NOTHING_INHERITED } from "../playbook/load-context.ts";
import type { Play, Playbook, RoleContext, Task } from "../playbook/playbook.ts";
import { evaluate } from "../variables/evaluate.ts";
import { redactMap } from "../variables/redact-value.ts";
import type { Definition, Scope } from "../variables/scope.ts";
import type { Value } from "../variables/value.ts";
import type { RunOptions } from "./run-options.ts";
import { RunState } from "./run-state.ts";
import { variablesInPlay } from "./variables-in-play.ts";

/** One level that sets the variable. */
export interface LevelOfVariable {
  /** Ansible's name for it, such as "group_vars/web", "role defaults". */
  level: string;
  at?: SourceRange;
  /** What the variable would be if this level won; absent when that can't be said without running. */
  value?: Value;
  /** Why it can't. */
  unknown?: string;
  /** How it is written, where that is a template. */
  written?: string;
}

/** Where the value of a variable comes from, on one host. */
export interface WhyVariable {
  host: string;
  name: string;
  wins: LevelOfVariable;
  /** The levels that it beat, the strongest first. */
  beats: readonly LevelOfVariable[];
}

/** Which play and task looks at the variable; without one only the inventory and `-e` count. */
export interface Viewpoint {
  playbook: Playbook;
  play: Play;
  hosts: readonly string[];
  task?: Task;
}

/** Variables whose values are passwords, whoever sets them. */
const SECRET_NAMES =
  /^ansible_(?:ssh_pass|password|become_pass|become_password|sudo_pass|su_pass|private_key_passphrase)$/;

/**
 * Which level wins, and which it beats. Secrets are masked. Facts and what tasks set are not known: nothing is run.
 *
 * @throws DiagnosticsError undefined-variable, unknown-host
 */
export async function whyVariable(
  options: RunOptions,
  host: string,
  name: string,
  view: Viewpoint | undefined,
): Promise<WhyVariable> {
  const scope = await scopeFor(options, host, view);
  const definitions = scope.definitionsOf(name);
  const [first, ...rest] = definitions;
  if (first === undefined) {
    const meant = didYouMean(name, scope.names());
    throw inputError("undefined-variable", `no level sets \`${name}\` for ${host}`, {
      hint:
        meant === undefined
          ? "facts and what tasks register are known only in a run; name a playbook to see its plays and roles too"
          : `did you mean \`${meant}\`?`,
    });
  }
  const isSecret = SECRET_NAMES.test(name) || (view !== undefined && isDeclaredSecret(view.play, name));
  const levelOf = (one: Definition): LevelOfVariable => describeLevel(one, scope, options, isSecret);
  const wins = levelOf(first);
  return { host, name, wins, beats: withoutRepeats(wins, rest.map(levelOf)) };
}

/** A folder beside which both inventory and playbook stand is read for both. */
function withoutRepeats(wins: LevelOfVariable, beats: readonly LevelOfVariable[]): LevelOfVariable[] {
  const key = ({ level, at }: LevelOfVariable): string =>
    at === undefined ? "" : `${level} ${path.resolve(at.file)}:${at.line}:${at.column}`;
  const seen = new Set([key(wins)]);
  return beats.filter((one) => {
    const known = key(one);
    if (known === "") return true;
    const isNew = !seen.has(known);
    seen.add(known);
    return isNew;
  });
}

async function scopeFor(options: RunOptions, host: string, view: Viewpoint | undefined): Promise<Scope> {
  const { inventory } = options;
  if (!inventory.hosts.has(host) && host !== "localhost") {
    const meant = didYouMean(host, inventory.hosts.keys());
    throw inputError("unknown-host", `the inventory has no host ${host}`, {
      ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
    });
  }
  const state = RunState.withoutConnections(options);
  await state.prepareHostvars();
  if (view === undefined) {
    const variables = new HostVariables({
      inventory: await state.inventoryLayers(host, undefined),
      play: [],
      keyring: state.keyring,
      extra: options.extraVariables,
      magic: { level: "magic variables", variables: new Map() },
    });
    return variables.scopeOf({ keywords: NOTHING_INHERITED });
  }
  const variables = await variablesInPlay(state, { ...view, batchHosts: view.hosts }, host, () => false);
  return variables.scopeOf(view.task ?? { keywords: view.play.keywords });
}

function describeLevel(
  { level, variable }: Definition,
  scope: Scope,
  options: RunOptions,
  isSecret: boolean,
): LevelOfVariable {
  const { value, at } = variable;
  const written =
    value.kind === "text" && value.template.vaulted !== true
      ? value.template.source
      : value.kind === "expression"
        ? `!expr ${value.expression.source}`
        : undefined;
  const mask = (one: Value): Value =>
    isSecret ? REDACTED : (redactMap({ value: one }, options.secrets)["value"] ?? null);
  const described: LevelOfVariable = { level, ...(at === undefined ? {} : { at }) };
  try {
    described.value = mask(evaluate(value, scope));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason = error instanceof DiagnosticsError ? error.diagnostics[0]?.message : error.message;
    described.unknown = options.secrets.redact(reason ?? "");
  }
  if (written !== undefined) described.written = isSecret ? REDACTED : options.secrets.redact(written);
  return described;
}

/** Whether the specification of a role in the play says that the variable is a secret. */
function isDeclaredSecret(play: Play, name: string): boolean {
  const isSecretIn = (role: RoleContext): boolean =>
    role.specification?.options.get(name)?.secret === true || role.dependencies.some(isSecretIn);
  return play.roles.some(isSecretIn);
}
