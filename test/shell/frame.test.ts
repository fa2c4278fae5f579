import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFrame, FrameReader } from "../../src/shell/frame.ts";
import { rawShell } from "../../src/shell/shell-text.ts";

/** Reads what a framed shell would print, cut into pieces, and gives the output of each frame and its trailer. */
function readInPieces(
  marks: readonly string[],
  bytes: Buffer,
  cuts: readonly number[],
): { output: string; trailer: string }[] {
  const reader = new FrameReader();
  const frames = marks.map((mark) => {
    const frame = { output: Buffer.alloc(0) as Buffer, trailer: "" };
    reader.expect(mark, {
      output: (chunk) => {
        frame.output = Buffer.concat([frame.output, chunk]);
      },
      end: (trailer) => {
        frame.trailer = trailer;
      },
    });
    return frame;
  });
  let start = 0;
  for (const cut of [...cuts.map((one) => one % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    reader.push(bytes.subarray(start, cut));
    start = Math.max(start, cut);
  }
  return frames.map(({ output, trailer }) => ({ output: output.toString("latin1"), trailer }));
}

describe("a frame reader", () => {
  test("finds the same output in any pieces, whatever bytes it is made of", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (outputs, cuts) => {
          const marks = outputs.map((_, index) => `plumb-mark${index}`);
          const bytes = Buffer.concat(
            outputs.flatMap((output, index) => [
              Buffer.from(`${marks[index]}\n`),
              Buffer.from(output),
              Buffer.from(`\n${marks[index]} ${index}\n`),
            ]),
          );
          expect(readInPieces(marks, bytes, cuts)).toEqual(
            outputs.map((output, index) => ({
              output: Buffer.from(output).toString("latin1"),
              trailer: String(index),
            })),
          );
        },
      ),
    );
  });

  test("throws away what an earlier background process prints before the frame begins", () => {
    expect(readInPieces(["m1"], Buffer.from("late rubbish\nm1\nreal\nm1 0\n"), [])).toEqual([
      { output: "real", trailer: "0" },
    ]);
  });
});

describe("an encoded frame", () => {
  test("carries script and input by length, and the environment inside the script", () => {
    const { mark, bytes } = encodeFrame(rawShell("cat"), Buffer.from("ü"), { NAME: "it's" });
    const text = Buffer.concat(bytes).toString();
    expect(text).toBe(
      `${mark} ${Buffer.byteLength("export NAME='it'\\''s'\ncat")} 2\nexport NAME='it'\\''s'\ncatü`,
    );
  });

  test("has a mark of its own each time", () => {
    expect(encodeFrame(rawShell(""), undefined).mark).not.toBe(encodeFrame(rawShell(""), undefined).mark);
  });
});
