import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { becomeFlagsOf, becomeMethodOf, becomeProgramOf } from "../inventory/become-settings.ts";
import { loadModule } from "../modules/catalogue.ts";
import type { Module, ModuleDefinition, Situation } from "../modules/module.ts";
import { describeValue } from "../playbook/describe-value.ts";
import { badEnvironmentName, isEnvironmentName } from "../playbook/environment-name.ts";
import { booleanOf } from "../playbook/flag.ts";
import type { Task } from "../playbook/playbook.ts";
import { validateParameters } from "../playbook/validate-parameters.ts";
import type { Facts } from "../queries/facts.ts";
import type { QueryMap } from "../queries/query.ts";
import { present } from "../transport/present.ts";
import { evaluate } from "../variables/evaluate.ts";
import { PendingVariable, type Scope } from "../variables/scope.ts";
import type { Templated } from "../variables/templated.ts";
import { isValueMap, type Value } from "../variables/value.ts";
import type { AddressedQuery } from "./answers.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession, TaskUser } from "./host-session.ts";
import { addSecretsAt } from "./secret-values.ts";

/** The engine's view of a module, its type parameters forgotten. */
export type AnyModule = ModuleDefinition<unknown, unknown, QueryMap, unknown>;

/** One pass of a task, ready to be asked about: parameters rendered and checked, files read, queries known. */
export interface Prepared {
  module: AnyModule;
  input: unknown;
  user: TaskUser;
  queries: ReadonlyMap<string, AddressedQuery>;
  environment: Readonly<Record<string, string>>;
  modes: Modes;
  /** The module has guessed at facts that were not there yet. */
  isGuess: boolean;
}

/** `check_mode` and `diff` of a task, or of the run. */
export interface Modes {
  checkMode: boolean;
  diffMode: boolean;
}

/**
 * Renders and checks the parameters of a task, reads what they point to on the controller, and finds what has to be asked.
 *
 * @throws DiagnosticsError when the parameters are wrong; PendingVariable when they depend on a task that has not run.
 */
export async function prepare(
  context: HostContext,
  session: HostSession,
  task: Task,
  scope: Scope,
): Promise<Prepared> {
  const module = asAny(await loadModule(task.module));
  const modes = modesOf(context, task, scope);
  const values = new Map<string, Value>();
  for (const { key, value } of task.parameters) {
    const rendered = evaluate(value, scope);
    if (!isOmitted(rendered)) values.set(key, rendered);
  }
  const params = validateParameters(module as unknown as Module, task, values, scope);
  addSecretsAt(context.secrets, module.secretParams, (name) => values.get(name));
  const controller = context.hooks.controllerFor(task, scope, context.host);
  const input = module.load === undefined ? params : await module.load(params, controller);
  const user = taskUser(context, task, scope);
  const queries = new Map<string, AddressedQuery>();
  let isGuess = false;
  const facts = factsOf(context, session);
  const now: Situation = {
    ...situation(context, session, modes),
    get factsSoFar() {
      isGuess ||= facts === undefined;
      return facts;
    },
  };
  for (const [name, query] of Object.entries(module.queries(input, now))) {
    queries.set(name, { query, as: session.shellUser(query.as, user) });
  }
  return { module, input, user, queries, environment: environmentOf(task, scope), modes, isGuess };
}

/** What modules may know of the run. Facts that have not arrived yet are "pending": whoever needs them is asked again. */
export function situation(context: HostContext, session: HostSession, modes: Modes): Situation {
  return {
    ...modes,
    changesPending: context.changesPending,
    changesPendingAnywhere: context.changesPending || context.isAnythingPending(),
    runId: session.runId,
    facts: factsOf(context, session) ?? FACTS_PENDING,
    factsSoFar: factsOf(context, session),
    afterSteps: false,
  };
}

function factsOf(context: HostContext, session: HostSession): Facts | undefined {
  return session.facts ?? (session === context.session ? context.expectedFacts : undefined);
}

function modesOf({ options }: HostContext, { keywords: { checkMode, diff } }: Task, scope: Scope): Modes {
  return {
    checkMode: checkMode === undefined ? options.checkMode : evaluate(checkMode, scope) === true,
    diffMode: diff === undefined ? options.diffMode : evaluate(diff, scope) === true,
  };
}

const FACTS_PENDING: Facts = new Proxy<Facts>(
  {},
  {
    get() {
      throw new PendingVariable("ansible_facts");
    },
  },
);

/** As whom the task acts: connection variables win over keywords, keywords over the command line, as in Ansible. */
export function taskUser(context: HostContext, { keywords }: Task, scope: Scope): TaskUser {
  const fallback = context.options.defaultUser;
  const choose = (variable: string, keyword: Templated | undefined): Value | undefined => {
    const set = scope.lookup(variable);
    return set ?? (keyword === undefined ? undefined : evaluate(keyword, scope));
  };
  const become = choose("ansible_become", keywords.become);
  const user = choose("ansible_become_user", keywords.becomeUser);
  if (typeof user === "string" && user.includes("\0")) {
    const at = scope.sourceOf("ansible_become_user") ?? keywords.becomeUser?.at;
    throw inputError("wrong-type", "`become_user` can't hold a NUL character", present("at", at));
  }
  const method = becomeMethodOf(scope, context.host) ?? keywords.becomeMethod ?? fallback.becomeMethod;
  const flags = keywords.becomeFlags === undefined ? undefined : evaluate(keywords.becomeFlags, scope);
  const program = keywords.becomeExe === undefined ? undefined : evaluate(keywords.becomeExe, scope);
  return {
    become: become === undefined ? fallback.become : isBecome(become, scope),
    becomeUser: user === undefined || user === null ? fallback.becomeUser : String(user),
    becomeMethod: method,
    ...present("becomeFlags", becomeFlagsOf(scope, context.host, method, flags)),
    ...present("becomeProgram", becomeProgramOf(scope, context.host, method, program)),
  };
}

/** Ansible takes words for true and false in connection variables; what is neither it takes for false. @throws DiagnosticsError */
export function isBecome(value: Value, scope: Scope): boolean {
  const flag = booleanOf(value);
  if (flag !== undefined) return flag;
  const at = scope.sourceOf("ansible_become");
  throw inputError("wrong-type", `\`ansible_become\` must be true or false, not ${describeValue(value)}`, {
    ...(at === undefined ? {} : { at }),
  });
}

function environmentOf(task: Task, scope: Scope): Readonly<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const layer of task.keywords.environment) {
    const values = evaluate(layer, scope);
    if (values === null) continue;
    if (!isValueMap(values)) {
      throw inputError("wrong-type", `\`environment\` must be a mapping, not ${describeValue(values)}`, {
        at: layer.at ?? task.at,
        expected: "names and their values",
      });
    }
    const at = layer.at ?? task.at;
    for (const [name, value] of Object.entries(values)) {
      if (!isEnvironmentName(name)) throw new DiagnosticsError([badEnvironmentName(name, at)]);
      environment[name] = environmentText(value, name, at);
    }
  }
  return environment;
}

/** @throws DiagnosticsError for what no environment can hold */
function environmentText(value: Value, name: string, at: SourceRange): string {
  if (value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  if (!text.includes("\0")) return text;
  throw inputError("wrong-type", `the environment variable \`${name}\` can't hold a NUL character`, { at });
}

/** `{{ omit }}` leaves a parameter out. */
function isOmitted(value: Value): boolean {
  return value === OMIT;
}

/** The value of the magic variable `omit`; nobody writes it by accident. */
export const OMIT = "__plumb_omit_this_parameter__";

function asAny(module: Module): AnyModule {
  return module as unknown as AnyModule;
}
