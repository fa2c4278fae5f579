import { safeJson } from "./safe-text.ts";
import type { View, ViewOptions } from "./view.ts";

/** One event a line, as JSON (docs/events.md). */
export function jsonView({ output }: ViewOptions): View {
  return {
    show: (event) => output.write(`${safeJson(event)}\n`),
    close: async () => {},
  };
}
