import { styleText } from "node:util";

export type Colour = "red" | "green" | "yellow" | "cyan" | "gray" | "bold";

/** Colours text, or leaves it alone: `NO_COLOR`, a pipe and a file get plain text. */
export type Paint = (colour: Colour, text: string) => string;

export function paintFor(isTerminal: boolean): Paint {
  if (!isTerminal || process.env["NO_COLOR"] !== undefined) return (_colour, text) => text;
  return (colour, text) => styleText(colour, text, { validateStream: false });
}
