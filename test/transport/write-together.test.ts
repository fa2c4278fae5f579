import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { writeTogether } from "../../src/transport/write-together.ts";

/** A stream that remembers in what pieces it was written. */
function recorded(): { stream: Duplex; pieces: string[] } {
  const pieces: string[] = [];
  const stream = new Duplex({
    read: () => undefined,
    writev: (chunks, done) => {
      pieces.push(chunks.map(({ chunk }) => String(chunk)).join("+"));
      done();
    },
  });
  return { stream: writeTogether(stream), pieces };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what is written in one turn goes out in one piece, in its order", async () => {
  const { stream, pieces } = recorded();
  for (const part of ["length", "packet", "seal"]) stream.write(part);
  await turn();
  for (const part of ["a", "b"]) stream.write(part);
  await turn();
  expect(pieces).toEqual(["length+packet+seal", "a+b"]);
});

test("the end waits for what was written right before it", async () => {
  const { stream, pieces } = recorded();
  stream.write("goodbye");
  stream.end();
  const finished = new Promise((resolve) => stream.once("finish", resolve));
  await finished;
  expect(pieces).toEqual(["goodbye"]);
});

test("who writes is told when it was written", async () => {
  const { stream } = recorded();
  const told: string[] = [];
  stream.write("one", () => told.push("one"));
  stream.write("two", "latin1", () => told.push("two"));
  await turn();
  expect(told).toEqual(["one", "two"]);
});
