import type { View, ViewOptions } from "./view.ts";

/** One event a line, as JSON (docs/events.md). */
export function jsonView({ output }: ViewOptions): View {
  return {
    show: (event) => output.write(`${JSON.stringify(event)}\n`),
    close: async () => {},
  };
}
