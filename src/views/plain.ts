import { paintFor } from "./colour.ts";
import { teller } from "./teller.ts";
import type { View, ViewOptions } from "./view.ts";

/** A line for what changed or went wrong, as it happens: for logs, pipes and people who like it so. */
export function plainView({ output, diff, verbosity }: ViewOptions): View {
  const tell = teller({ paint: paintFor(output.isTerminal), diff, verbosity });
  return {
    show: (event) => {
      for (const line of tell(event)) output.write(`${line}\n`);
    },
    close: async () => {},
  };
}
