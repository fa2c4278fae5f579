import type { z } from "zod";
import type { Facts } from "../queries/facts.ts";
import type { AnswersOf, QueryMap } from "../queries/query.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import type { Change, NeededChange } from "./change.ts";
import type { ControllerFile, PlannedStep, StepOutput } from "./step.ts";
import type { Subject } from "./subject.ts";

/** What a module may know of the run besides its parameters and answers. */
export interface Situation {
  /** Nothing will be done. What an earlier task would have made is not there. */
  checkMode: boolean;
  /** Somebody will look at the differences: ask for contents too. */
  diffMode: boolean;
  /** In check mode: an earlier task would have changed this host, so what is missing now may be there by then. */
  changesPending: boolean;
  /** In check mode: the same for any host of the run. What is asked over the network may depend on another host. */
  changesPendingAnywhere: boolean;
  /** The name of the run. */
  runId: string;
  /** What is known of the host before any question: in the first look ahead nothing is, and asking for it there puts the task's questions off. */
  facts: Facts;
  /** The same, or undefined where they are not there yet: for who can guess. Then the task's questions are put together anew when they are. */
  readonly factsSoFar: Facts | undefined;
  /** The steps have been done, and this is the look whether all is as wanted. */
  afterSteps: boolean;
}

/** What a module may read on the controller before it asks the host anything. */
export interface Controller {
  /**
   * Finds a file as Ansible does: absolute, then the role's `files/` (or `templates/`), then beside the playbook. One that is vaulted is opened, unless
   * `decrypt` is false.
   *
   * @throws DiagnosticsError file-not-found, vault-*
   */
  file(path: string, folder: "files" | "templates", options?: { decrypt?: boolean }): Promise<ControllerFile>;
  /** The same search, for the path alone; a folder is found too. @throws DiagnosticsError file-not-found */
  find(path: string, folder: "files" | "templates" | "vars"): Promise<string>;
  /** Reads a file of variables, which may be vaulted. @param path as `find` gives it. @throws DiagnosticsError */
  variablesFile(path: string): Promise<ReadonlyMap<string, SourcedVariable>>;
  /** Renders a template file with the task's variables. @throws DiagnosticsError */
  renderTemplate(path: string): Promise<string>;
  /** Absolute path on the controller: relative ones start at the playbook's folder. */
  resolvePath(path: string): string;
  /** Shows from now on asterisks instead of this value, wherever it would be shown. */
  addSecret(value: string): void;
  /** Whether a secret stands in the text. */
  holdsSecret(text: string): boolean;
  /** A variable of the host, rendered; undefined when there is none. */
  variable(name: string): Value | undefined;
}

/**
 * What can be managed. `queries`, `diff` and `steps` are pure: no I/O, clock or randomness. That lets the engine ask for a hundred
 * tasks in one script, lets check mode be the same code, and lets tests replay answers.
 */
export interface ModuleDefinition<Params, Input, Queries extends QueryMap, Detail> {
  name: string;
  /** Other names people know it by, such as "apt" for "package". */
  aliases?: readonly string[];
  /** One line, for lists. */
  summary: string;
  /** Paragraphs for the reference page. */
  description?: string;
  /** A `z.strictObject`; every parameter has `.describe(…)`. */
  params: z.ZodType<Params>;
  /** The parameter that takes free-form text: `command: systemctl status`. */
  freeForm?: keyof Params & string;
  /**
   * Parameters that are expressions (`that: a > 1`), or lists of them. The loader compiles them; the module gets `{ expression, value }` for each.
   */
  expressionParams?: readonly (keyof Params & string)[];
  /** Parameters whose values are secret wherever they would be shown: `password`, or inside of others `entries.password`. */
  secretParams?: readonly string[];
  /** What of `returns` is secret wherever it would be shown, written the same way. */
  secretReturns?: readonly string[];
  examples: readonly ModuleExample[];
  /**
   * What check mode does with a `run` action. "predict" (default): says that it would run. "run": it changes nothing anywhere (assert, debug, set_fact,
   * a health query), so it runs in check mode too and tells what it finds. A function, where it depends on the parameters.
   */
  inCheckMode?: CheckMode | ((want: Input, situation: Situation) => CheckMode);
  /** What `register` gets besides changed, failed, skipped, msg: name to description. */
  returns?: Readonly<Record<string, string>>;
  /** Reads on the controller what the parameters point to. Without it the input is the parameters. */
  load?(params: Params, controller: Controller): Promise<Input>;
  /** What must be known about the host. Asked in bulk with those of the tasks around it. */
  queries(want: Input, situation: Situation): Queries;
  /**
   * The change that is needed, or none and why.
   *
   * @throws ModuleFailure when what is wanted can't be had on this host.
   */
  diff(want: Input, answers: AnswersOf<Queries>, situation: Situation): Change<Detail>;
  /** What makes the change. After it the engine asks again, and `diff` must say none (unless the action was `run`). */
  steps(change: NeededChange<Detail>, want: Input, situation: Situation): readonly PlannedStep[];
  /**
   * What the module manages on the host, and with a change what the steps of that change may replace. It is kept before they run, so that the change can be undone; files
   * that are written as a step of their own are kept anyway. Without it, what scripts do can't be undone, and `plumb rollback` says so. Pure.
   */
  touches?(want: Input, change?: NeededChange<Detail>): readonly Subject[];
  /** A folder that a change makes, where all that it makes of it is new: nothing is in it. What later tasks put there can be decided before it is made. */
  newFolder?(want: Input, change: NeededChange<Detail>): string | undefined;
  /** What the steps' outputs mean. Without it: changed, and `data` of the change. */
  result?(want: Input, outputs: readonly StepOutput[], change: NeededChange<Detail>): ActionResult;
}

/** What check mode does with a `run` action. */
export type CheckMode = "predict" | "run";

/** How an action ended. */
export interface ActionResult {
  changed: boolean;
  failed?: boolean;
  message?: string;
  /** For `register`. */
  data?: ValueMap;
  /** Variables of the host from now on (set_fact). */
  facts?: ValueMap;
  /** Facts of the host that join those that are known: `ansible_facts.NAME` from now on (service_facts). */
  gathered?: ValueMap;
  /** The same as they stand in a file (include_vars): rendered when somebody asks for them. */
  variables?: ReadonlyMap<string, SourcedVariable>;
}

export interface ModuleExample {
  title: string;
  /** A list of tasks, as it would stand in a playbook. Tests load each, and run it on hosts. */
  yaml: string;
}

/** A module whose type parameters the engine need not know. */
export type Module = ModuleDefinition<never, never, QueryMap, never>;

/** Declares a module; checks at compile time that its functions fit together. */
export function defineModule<Params, Queries extends QueryMap, Detail = undefined>(
  definition: Omit<ModuleDefinition<Params, Params, Queries, Detail>, "load">,
): ModuleDefinition<Params, Params, Queries, Detail> {
  return definition;
}

/** Declares a module that reads something on the controller first: what `load` gives is what the other functions get. */
export function defineLoadingModule<Params, Input, Queries extends QueryMap, Detail = undefined>(
  definition: ModuleDefinition<Params, Input, Queries, Detail> & {
    load: NonNullable<ModuleDefinition<Params, Input, Queries, Detail>["load"]>;
  },
): ModuleDefinition<Params, Input, Queries, Detail> {
  return definition;
}

/** A host can't be brought to what was asked for; the task fails with this, on this host only. */
export class ModuleFailure extends Error {
  readonly hint: string | undefined;
  /** What is wrong in the parameters, if they are to blame: the message then points at their lines. */
  readonly findings: readonly ParameterFinding[];
  readonly data: ValueMap | undefined;

  constructor(
    message: string,
    options: ErrorOptions & { hint?: string; findings?: readonly ParameterFinding[]; data?: ValueMap } = {},
  ) {
    super(message, options);
    this.name = "ModuleFailure";
    this.hint = options.hint;
    this.findings = options.findings ?? [];
    this.data = options.data;
  }
}

/** Something wrong in one parameter, found by its path: `["settings", "pool_mode"]`. */
export interface ParameterFinding {
  path: readonly (string | number)[];
  /** The last name of the path is what is wrong, rather than what it has for a value. */
  ofKey?: boolean;
  message: string;
  hint?: string;
}
