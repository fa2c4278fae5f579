import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFrames, FrameReader, newMark, type ScriptToSend, SHELL_LOOP } from "../../src/shell/frame.ts";
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

const toSend = (
  script: string,
  input?: string,
  environment: Readonly<Record<string, string>> = {},
): ScriptToSend => ({
  ...{ mark: newMark(), script: rawShell(script), environment },
  input: input === undefined ? undefined : Buffer.from(input),
});

describe.each(["dash", "bash", "busybox sh"])("the loop in %s", (shell) => {
  type Script = { script: string; input?: string };

  /** What a host would answer to scripts with their inputs, that are sent one by one or at once. */
  const answers = (scripts: readonly Script[], atOnce: boolean): string[] => {
    const sent = scripts.map(({ script, input }) => toSend(script, input));
    const [program = "", ...args] = shell.split(" ");
    const { stdout } = spawnSync(program, [...args, "-c", SHELL_LOOP], {
      input: Buffer.concat(atOnce ? [encodeFrames(sent)] : sent.map((one) => encodeFrames([one]))),
    });
    return readInPieces(
      sent.map(({ mark }) => mark),
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
      fc.property(
        ...[words, fc.constantFrom(0, 3000), fc.nat({ max: 3 }), fc.boolean()],
        (given, padding, status, atOnce) => {
          const script = `: ${"x".repeat(padding)}\nprintf '%s|' ${given.map(quote).join(" ")}\ncat\nexit ${status}`;
          const said = Buffer.from(`${given.length === 0 ? "" : given.join("|")}|`).toString("latin1");
          const sent = [{ script }, { script }, { script: "echo" }, { script, input: "input" }, { script }];
          expect(answers([...sent, { script: "echo" }], atOnce)).toEqual([
            ...[`${said}:${status}`, `${said}:${status}`, "\n:0"],
            ...[`${said}input:${status}`, `${said}:${status}`, "\n:0"],
          ]);
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each([
    ["one by one", false],
    ["at once", true],
  ])("goes on after one that ends in the middle of a word or of a line, sent %s", (_how, atOnce) => {
    const scripts = [{ script: "printf 'never" }, { script: "printf a\\" }, { script: "\n\nprintf b\n\n" }];
    expect(answers(scripts, atOnce)).toEqual([
      expect.stringMatching(/:2$/),
      expect.stringMatching(/^a/),
      "b:0",
    ]);
  });

  test("shows a script neither its mark nor the others', nor what the one before it has set", () => {
    const set = { script: "here=1; export there=2; cd /; set -- a b; exit 0" };
    const look = { script: 'set; printf "%s" "$#$here$there"' };
    const [, said = ""] = answers([set, look, look], true);
    expect(said).not.toMatch(/plumb-[0-9a-f]{24}/);
    expect(said).toMatch(/0:0$/);
  });
});

describe("frames", () => {
  test("carry a short script by lines, input by length, and the environment inside the script", () => {
    const sent = toSend("cat", "ü", { NAME: "it's" });
    const script = "export NAME='it'\\''s'\ncat\n";
    expect(encodeFrames([sent]).toString()).toBe(`${sent.mark} ${Buffer.byteLength(script)} 2 2\n${script}ü`);
  });

  test.each([
    ["a long script", `: ${"x".repeat(3000)}`],
    ["one with control characters", "printf '\u0001'"],
  ])("carry %s by its length", (_, script) => {
    const sent = toSend(script);
    expect(encodeFrames([sent]).toString()).toBe(`${sent.mark} ${Buffer.byteLength(script)} -1 0\n${script}`);
  });

  test("are packs of what has no input, none so large that it comes with two trips", () => {
    const small = Array.from({ length: 30 }, () => toSend(": 'x'"));
    const large = Array.from({ length: 3 }, () => toSend(`: ${"x".repeat(4000)}`));
    const sent = encodeFrames([...small, ...large, toSend("cat", "input"), ...small]).toString("latin1");
    const packs = [...sent.matchAll(/- (\d+) -2 0\n/g)].map(([, bytes]) => Number(bytes));
    expect(packs).toHaveLength(2);
    expect(Math.max(...packs)).toBeLessThan(11_000);
  });

  test("have marks of their own each time", () => {
    expect(newMark()).not.toBe(newMark());
  });
});
