import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFrame, FrameReader, SHELL_LOOP } from "../../src/shell/frame.ts";
import { quote, rawShell } from "../../src/shell/shell-text.ts";

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

describe.each(["dash", "bash", "busybox sh"])("the loop in %s", (shell) => {
  /** What a host would answer to scripts with their inputs. */
  const answers = (scripts: readonly { script: string; input?: string }[]): string[] => {
    const frames = scripts.map(({ script, input }) =>
      encodeFrame(rawShell(script), input === undefined ? undefined : Buffer.from(input)),
    );
    const [program = "", ...args] = shell.split(" ");
    const { stdout } = spawnSync(program, [...args, "-c", SHELL_LOOP], {
      input: Buffer.concat(frames.flatMap(({ bytes }) => bytes)),
    });
    return readInPieces(
      frames.map(({ mark }) => mark),
      stdout,
      [],
    ).map(({ output, trailer }) => `${output}:${trailer}`);
  };

  test("runs every script as it was sent, whatever words are in it and however long it is", () => {
    const words = fc.array(
      fc.string({ unit: "binary", maxLength: 20 }).filter((word) => !word.includes("\0")),
      {
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(words, fc.constantFrom(0, 3000), fc.nat({ max: 3 }), (given, padding, status) => {
        const script = `: ${"x".repeat(padding)}\nprintf '%s|' ${given.map(quote).join(" ")}\ncat\nexit ${status}`;
        const said = Buffer.from(`${given.length === 0 ? "" : given.join("|")}|`).toString("latin1");
        expect(answers([{ script }, { script, input: "input" }, { script: "echo" }])).toEqual([
          `${said}:${status}`,
          `${said}input:${status}`,
          "\n:0",
        ]);
      }),
      { numRuns: 30 },
    );
  });

  test("goes on after one that ends in the middle of a word or of a line", () => {
    expect(
      answers([{ script: "printf 'never" }, { script: "printf a\\" }, { script: "\n\nprintf b\n\n" }]),
    ).toEqual([expect.stringMatching(/:2$/), expect.stringMatching(/^a/), "b:0"]);
  });
});

describe("an encoded frame", () => {
  test("carries a short script by lines, input by length, and the environment inside the script", () => {
    const { mark, bytes } = encodeFrame(rawShell("cat"), Buffer.from("ü"), { NAME: "it's" });
    const text = Buffer.concat(bytes).toString();
    const script = "export NAME='it'\\''s'\ncat\n";
    expect(text).toBe(`${mark} ${Buffer.byteLength(script)} 2 2\n${script}ü`);
  });

  test.each([
    ["a long script", `: ${"x".repeat(3000)}`],
    ["one with control characters", "printf '\u0001'"],
  ])("carries %s by its length", (_, script) => {
    const { mark, bytes } = encodeFrame(rawShell(script), undefined);
    expect(Buffer.concat(bytes).toString()).toBe(`${mark} ${Buffer.byteLength(script)} -1 0\n${script}`);
  });

  test("has a mark of its own each time", () => {
    expect(encodeFrame(rawShell(""), undefined).mark).not.toBe(encodeFrame(rawShell(""), undefined).mark);
  });
});
