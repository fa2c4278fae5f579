import type { Event } from "../converge/event.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { diagnosticSummary } from "../diagnostics/diagnostic.ts";
import { RESERVED_NAMES, reservedName } from "../playbook/reserved-name.ts";
import type { VariableLayer } from "../variables/sourced.ts";

/** Tells, once a run, of variables that somebody has set and that Plumb sets itself. */
export class ReservedNames {
  readonly #emit: (event: Event) => void;
  readonly #seen = new WeakSet<VariableLayer>();
  readonly #told = new Set<string>();

  constructor(emit: (event: Event) => void) {
    this.#emit = emit;
  }

  /** Hosts of a group share its layers: each is looked at once. */
  lookAt(layers: Iterable<VariableLayer>): void {
    for (const layer of layers) {
      if (this.#seen.has(layer)) continue;
      this.#seen.add(layer);
      for (const name of RESERVED_NAMES) {
        const variable = layer.variables.get(name);
        if (variable !== undefined) this.tell(reservedName(name, variable.at, layer.level));
      }
    }
  }

  tell(diagnostic: Diagnostic): void {
    const key = diagnosticSummary(diagnostic);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const time = new Date().toISOString();
    this.#emit({ type: "warning", time, message: key, diagnostic });
  }
}
