import type { Include, Node, Task } from "../playbook/playbook.ts";

/** How far a host has come in a play: the number of the task, and inside an include the number there, and so on. */
export type Place = readonly number[];

/** Whether one place comes before another: an include comes before what is inside of it. */
export function precedes(one: Place, other: Place): boolean {
  for (let index = 0; index < other.length; index++) {
    const [here, there] = [one[index], other[index]];
    if (here === undefined || there === undefined) return there !== undefined;
    if (here !== there) return here < there;
  }
  return false;
}

/** Numbers tasks as they stand in the file: those of a block, of its rescue, and of its always. */
export class Places {
  readonly #places = new Map<Task | Include, Place>();
  readonly #prefix: Place;
  #next = 0;

  constructor(prefix: Place = []) {
    this.#prefix = prefix;
  }

  add(nodes: readonly Node[]): this {
    for (const node of nodes) {
      if (node.kind === "block") this.add(node.block).add(node.rescue).add(node.always);
      else this.#places.set(node, this.end());
    }
    return this;
  }

  /** The place after everything that was added so far. */
  end(): Place {
    return [...this.#prefix, this.#next++];
  }

  of(node: Task | Include): Place {
    return this.#places.get(node) ?? [...this.#prefix, this.#next];
  }
}
