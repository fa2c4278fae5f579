import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { evaluate } from "./evaluate.ts";
import { positionInside } from "./position-inside.ts";
import { PendingVariable, type Scope } from "./scope.ts";
import type { SourcedVariable, VariableLayer } from "./sourced.ts";
import type { Value } from "./value.ts";
import type { Keyring } from "./vault/keyring.ts";

export interface ScopeOptions {
  /** Lowest precedence first. */
  layers: readonly VariableLayer[];
  /** Names that a task yet to run will set. */
  pending?: ReadonlySet<string>;
  /** Is told of names that were asked for, and that no level defines. */
  onMissing?: ((name: string) => void) | undefined;
  keyring?: Keyring | undefined;
}

/** Variables that are rendered when they are asked for, and once. */
export function createScope({ layers, pending = new Set(), keyring, onMissing }: ScopeOptions): Scope {
  const rendered = new Map<string, Value>();
  const rendering: string[] = [];
  const following: string[] = [];
  const find = (name: string): SourcedVariable | undefined => {
    for (let index = layers.length - 1; index >= 0; index--) {
      const variable = layers[index]?.variables.get(name);
      if (variable !== undefined) return variable;
    }
    return undefined;
  };
  const scope: Scope = {
    keyring,
    lookup(name) {
      if (pending.has(name)) throw new PendingVariable(name);
      const known = rendered.get(name);
      if (known !== undefined) return known;
      const variable = find(name);
      if (variable === undefined) {
        onMissing?.(name);
        return undefined;
      }
      if (rendering.includes(name))
        throw cycle([...rendering.slice(rendering.indexOf(name)), name], variable.at);
      rendering.push(name);
      try {
        const value = evaluate(variable.value, scope);
        rendered.set(name, value);
        return value;
      } finally {
        rendering.pop();
      }
    },
    *names() {
      const seen = new Set<string>();
      for (const layer of layers) {
        for (const name of layer.variables.keys()) {
          if (!seen.has(name)) yield name;
          seen.add(name);
        }
      }
    },
    sourceOf(name, path = [], ofKey = false) {
      const variable = find(name);
      // A variable that refers to itself has been told of elsewhere; here it must not be followed for ever.
      if (variable === undefined || path.length === 0 || following.includes(name)) return variable?.at;
      following.push(name);
      try {
        return positionInside(variable.value, path, { scope, ofKey }) ?? variable.at;
      } finally {
        following.pop();
      }
    },
    definitionsOf: (name) =>
      layers.toReversed().flatMap(({ level, variables }) => {
        const variable = variables.get(name);
        return variable === undefined ? [] : [{ level, variable }];
      }),
    extended: (layer) =>
      createScope({
        keyring,
        onMissing,
        layers: [...layers, layer],
        pending: new Set([...pending].filter((name) => !layer.variables.has(name))),
      }),
  };
  return scope;
}

function cycle(chain: readonly string[], at: SourceRange | undefined): Error {
  return inputError(
    "variable-cycle",
    `the variable \`${chain[0] ?? ""}\` is made of itself: ${chain.join(" -> ")}`,
    {
      ...(at === undefined ? {} : { at }),
      hint: "give one of them a value that does not depend on the others",
    },
  );
}
