import type { Output } from "../views/view.ts";

/** Standard output. A reader who went away (`plumb … | head`) ends the output, not the run. */
export function consoleOutput(stream: NodeJS.WriteStream = process.stdout): Output {
  let isOpen = true;
  stream.on("error", () => {
    isOpen = false;
  });
  return {
    write: (text) => {
      if (isOpen) stream.write(text);
    },
    isTerminal: stream.isTTY === true,
    // A terminal of unknown size says 0 (a serial console, a container's): rows would be as narrow.
    hasMovableRows: stream.isTTY === true && stream.columns > 0 && process.env["TERM"] !== "dumb",
  };
}
