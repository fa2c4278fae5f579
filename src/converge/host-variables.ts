import type { RoleContext, Task } from "../playbook/playbook.ts";
import { roleLayers } from "../playbook/role-layers.ts";
import { createScope } from "../variables/host-scope.ts";
import { PendingVariable, type Scope } from "../variables/scope.ts";
import type { SourcedVariable, VariableLayer } from "../variables/sourced.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import type { Keyring } from "../variables/vault/keyring.ts";

/** A fact with the prefix must not say where a host is, as whom to go there, and with what: what a host tells of itself would lead the connection elsewhere. */
const leadsToHost = (name: string): boolean =>
  /^(host|port|user|password|pass|connection|timeout|private_key_file|host_key_checking|shell_\w+|become(_\w+)?|(ssh|winrm|paramiko|local)_(host|port|user|pass|password|private_key_file|timeout|executable|\w*args))$/.test(
    name,
  );

/** The levels that stay the same while a play runs on a host, lowest precedence first within each part. */
export interface FixedLayers {
  /** group_vars, host_vars and inventory variables. */
  inventory: readonly VariableLayer[];
  /** `vars` and `vars_files` of the play. */
  play: readonly VariableLayer[];
  /** `connection`, `port` and `remote_user` of the play, as variables. */
  connection?: ReadonlyMap<string, SourcedVariable>;
  /** Roles of the play, whose defaults and vars all its tasks see. */
  roles?: readonly RoleContext[];
  extra: VariableLayer;
  /** inventory_hostname, groups, … : nobody may set these. */
  magic: VariableLayer;
  keyring?: Keyring | undefined;
}

/**
 * The variables of one host during a play. Levels are put together for each role and block once, and again only when a task has set a variable.
 */
export class HostVariables {
  readonly #fixed: FixedLayers;
  readonly #included = new Map<string, SourcedVariable>();
  readonly #set = new Map<string, SourcedVariable>();
  readonly #unknown = new Set<string>();
  readonly #unknownFacts = new Set<string>();
  #factValues: ValueMap = {};
  #cachedFacts: ValueMap = {};
  #facts: ReadonlyMap<string, SourcedVariable> = new Map();
  readonly #missed = new Set<string>();
  #version = 0;
  #awaitsFacts = false;
  #gifts = false;
  #scopes = new Map<string, Scope>();

  constructor(fixed: FixedLayers) {
    this.#fixed = fixed;
  }

  /** The host has been asked for its facts: that it has none so far means nothing. */
  awaitFacts(): void {
    this.#awaitsFacts = true;
  }

  /** Whether a name that the host does not have may yet come with its facts. */
  mayBecomeKnown(name: string): boolean {
    return this.#awaitsFacts && name.startsWith("ansible_");
  }

  /** Facts come back as data: they are never rendered as templates. */
  setFacts(facts: ValueMap): void {
    this.#awaitsFacts = false;
    this.#factValues = facts;
    this.#putFactsTogether();
  }

  /** Facts that `set_fact` with `cacheable` sets, now or in an earlier run: they have no prefix, and hold as facts do. */
  joinCachedFacts(facts: ValueMap): void {
    this.#cachedFacts = { ...this.#cachedFacts, ...facts };
    this.#putFactsTogether();
  }

  #putFactsTogether(): void {
    const gathered = Object.entries(this.#factValues);
    const cached = Object.entries(this.#cachedFacts);
    const all = { ...this.#factValues, ...this.#cachedFacts };
    for (const name of this.#unknownFacts) {
      this.#unknown.add(`ansible_${name}`);
      Object.defineProperty(all, name, { enumerable: true, get: () => raisePending(`ansible_${name}`) });
    }
    this.#facts = new Map([
      ["ansible_facts", literal(all)],
      ...gathered
        .filter(([name]) => !leadsToHost(name))
        .map(([name, value]) => [`ansible_${name}`, literal(value)] as const),
      ...cached.map(([name, value]) => [name, literal(value)] as const),
    ]);
    this.#changed();
  }

  /** Whether any of the facts was asked for, and missing, before they were known: what was made without them does not count. */
  get wereFactsMissed(): boolean {
    return [...this.#facts.keys()].some((name) => this.#missed.has(name));
  }

  /**
   * The same host as it would be with these facts, and others that are not known: asking for one of those raises PendingVariable.
   */
  withExpectedFacts(facts: ValueMap, unknown: readonly string[]): HostVariables {
    const expected = new HostVariables(this.#fixed);
    expected.takeOver(this);
    for (const name of unknown) expected.#unknownFacts.add(name);
    expected.setFacts(facts);
    return expected;
  }

  /** Facts that a task has gathered: those of other names stay. */
  joinFacts(facts: ValueMap): void {
    this.setFacts({ ...this.#factValues, ...facts });
  }

  /** Facts and variables that another host has set on this one, with `delegate_facts`. */
  gift(give: (variables: HostVariables) => void): void {
    give(this);
    this.#gifts = true;
  }

  /** Whether another host has set something since this was last asked. */
  takeGifts(): boolean {
    const were = this.#gifts;
    this.#gifts = false;
    return were;
  }

  /** Everything that was found out and set on a host, as another play or another host sees it. */
  takeOver(other: HostVariables): void {
    this.#factValues = other.#factValues;
    this.#cachedFacts = other.#cachedFacts;
    this.#facts = other.#facts;
    this.include(other.#included);
    this.define(other.#set);
  }

  /** Another one whenever facts or variables have changed. */
  get version(): number {
    return this.#version;
  }

  #changed(): void {
    this.#version += 1;
    this.#scopes.clear();
  }

  /** A registered result, or a fact that a task set: from now on it holds for every task of the host. */
  set(name: string, value: Value): void {
    this.define(new Map([[name, literal(value)]]));
  }

  /** In check mode: what only a run would tell. Asking for it raises PendingVariable. */
  setUnknown(name: string): void {
    this.#unknown.add(name);
    this.#changed();
  }

  /** Variables that a task has read from a file: they are rendered when they are asked for. What a task sets wins over them, whichever came first. */
  include(variables: ReadonlyMap<string, SourcedVariable>): void {
    for (const [name, variable] of variables) this.#included.set(name, variable);
    this.#changed();
  }

  /** Variables that an earlier play has set. */
  define(variables: ReadonlyMap<string, SourcedVariable>): void {
    for (const [name, variable] of variables) {
      this.#set.set(name, variable);
      this.#unknown.delete(name);
    }
    this.#changed();
  }

  /**
   * What a task sees.
   *
   * @param pending names that tasks before it will set: asking for one raises PendingVariable.
   */
  scopeOf(task: Pick<Task, "keywords" | "role">, pending: ReadonlySet<string> = new Set()): Scope {
    const unknown = this.#unknown.size === 0 ? pending : new Set([...pending, ...this.#unknown]);
    const key = scopeKey(task, unknown);
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      scope = createScope({
        layers: this.#layersOf(task),
        pending: unknown,
        keyring: this.#fixed.keyring,
        onMissing: (name) => this.#missed.add(name),
      });
      this.#scopes.set(key, scope);
    }
    return scope;
  }

  /** Ansible's order (docs: "Understanding variable precedence"), lowest first. */
  #layersOf({ keywords, role }: Pick<Task, "keywords" | "role">): VariableLayer[] {
    const { connection = new Map(), roles = [] } = this.#fixed;
    const own = role === undefined ? { defaults: [], variables: [], parameters: [] } : roleLayers(role);
    const defaults = [...roles.map((one) => one.defaults), ...own.defaults];
    const roleVariables = [...roles.map((one) => one.variables), ...own.variables];
    return [
      { level: "connection keywords", variables: connection },
      ...defaults.map((variables) => ({ level: "role defaults", variables })),
      ...this.#fixed.inventory,
      { level: "facts", variables: this.#facts },
      ...this.#fixed.play,
      ...roleVariables.map((variables) => ({ level: "role vars", variables })),
      ...keywords.variables.map((variables) => ({ level: "block and task vars", variables })),
      { level: "include_vars", variables: this.#included },
      { level: "set_fact and registered", variables: this.#set },
      ...own.parameters.map((variables) => ({ level: "role parameters", variables })),
      ...keywords.includeVariables.map((variables) => ({ level: "include parameters", variables })),
      this.#fixed.extra,
      this.#fixed.magic,
      ...(role === undefined ? [] : [roleNames(role)]),
    ];
  }
}

function raisePending(name: string): never {
  throw new PendingVariable(name);
}

const namesOfRoles = new WeakMap<RoleContext, VariableLayer>();

/** Magic variables of a role's tasks. */
function roleNames(role: RoleContext): VariableLayer {
  let layer = namesOfRoles.get(role);
  if (layer === undefined) {
    const variables = { role_name: role.name, role_path: role.path, ansible_role_name: role.name };
    layer = {
      level: "magic variables",
      variables: new Map(Object.entries(variables).map(([name, value]) => [name, literal(value)])),
    };
    namesOfRoles.set(role, layer);
  }
  return layer;
}

/** A scope in which a few more names are set, such as the item of a loop. */
export function childScope(parent: Scope, variables: Readonly<Record<string, Value>>): Scope {
  const layer = new Map(Object.entries(variables).map(([name, value]) => [name, literal(value)]));
  return parent.extended({ level: "loop", variables: layer });
}

function literal(value: Value): SourcedVariable {
  return { value: { kind: "literal", value } };
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;

/** Two tasks with the same role, the same block vars and the same pending names see the same variables. */
function scopeKey({ keywords, role }: Pick<Task, "keywords" | "role">, pending: ReadonlySet<string>): string {
  const parts = [role, ...keywords.variables, undefined, ...keywords.includeVariables].map((part) =>
    part === undefined ? 0 : identityOf(part),
  );
  return `${parts.join(",")}|${[...pending].sort().join(",")}`;
}

function identityOf(part: object): number {
  let identity = identities.get(part);
  if (identity === undefined) {
    lastIdentity += 1;
    identity = lastIdentity;
    identities.set(part, identity);
  }
  return identity;
}
