import type { OutputFormat, View, ViewOptions } from "./view.ts";

/** The view for an output format; only its code is loaded. */
export async function openView(format: OutputFormat, options: ViewOptions): Promise<View> {
  switch (format) {
    case "tty":
      return (await import("./terminal.ts")).terminalView(options);
    case "plain":
      return (await import("./plain.ts")).plainView(options);
    case "json":
      return (await import("./json.ts")).jsonView(options);
    case "junit":
      return (await import("./junit.ts")).junitView(options);
  }
}
