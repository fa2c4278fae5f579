import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { precedes } from "../../src/converge/place.ts";
import { InStep } from "../../src/fleet/in-step.ts";
import { Positions } from "../../src/fleet/positions.ts";

describe("places", () => {
  test.each([
    [[], [0], true],
    [[0], [1], true],
    [[1], [0], false],
    [[1], [1], false],
    [[1], [1, 0], true],
    [[1, 5], [2], true],
    [[2], [1, 5], false],
    [[1, 0], [1], false],
  ])("%j precedes %j: %s", (one, other, expected) => {
    expect(precedes(one, other)).toBe(expected);
  });
});

describe("in step", () => {
  test("nobody acts before the last has come as far, and everybody comes to an end", async () => {
    const hostCount = fc.integer({ min: 1, max: 6 });
    const tasks = fc.integer({ min: 1, max: 8 });
    await fc.assert(
      fc.asyncProperty(
        hostCount,
        tasks,
        fc.scheduler(),
        fc.integer(),
        async (count, last, scheduler, seed) => {
          const hosts = Array.from({ length: count }, (_, index) => `h${index}`);
          const step = new InStep(hosts);
          const done = new Map(hosts.map((host) => [host, -1]));
          const left = new Set<string>();
          const going = hosts.map(async (host, index) => {
            // Some hosts fail on the way: nobody waits for them.
            const end = (seed + index) % 3 === 0 ? last / 2 : last;
            for (let task = 0; task < end; task++) {
              await scheduler.schedule(Promise.resolve());
              step.arrive(host, [task]);
              if ((seed + index + task) % 2 === 0) {
                await step.turn(host);
                for (const other of hosts)
                  if (!left.has(other)) expect(done.get(other)).toBeGreaterThanOrEqual(task - 1);
              }
              done.set(host, task);
            }
            left.add(host);
            step.leave(host);
          });
          await scheduler.waitFor(Promise.all(going));
        },
      ),
    );
  });

  test("a run that is stopped lets everybody go", async () => {
    const step = new InStep(["a", "b"]);
    step.arrive("a", [3]);
    const waiting = step.turn("a");
    step.releaseAll();
    await waiting;
  });

  test("a play that one host ends for all ends when every other one is past that task, or has ended there too", async () => {
    const step = new InStep(["a", "b", "c"]);
    for (const host of ["a", "b", "c"]) step.arrive(host, [0]);
    let ended = 0;
    const count = (): void => {
      ended += 1;
    };
    const first = step.doneByAll("a").then(count);
    const second = step.doneByAll("c").then(count);
    await Promise.resolve();
    expect(ended).toBe(0);
    step.arrive("b", [1]);
    await Promise.all([first, second]);
    expect(step.isTurn("b")).toBe(false);
  });

  test("the first of those that stand beside each other is known, and who waits for it learns that it has gone on", async () => {
    const step = new InStep(["a", "b", "c"]);
    step.arrive("c", [1]);
    step.arrive("b", [1]);
    expect(step.firstBeside("c")).toBe("b");
    const gone = step.gone("b");
    step.arrive("b", [2]);
    await gone;
    expect(step.firstBeside("c")).toBe("c");
    const ended = step.gone("c");
    step.releaseAll();
    await ended;
  });
});

test("of many hosts each finds its place, the last ones are known, and who stands beside whom", async () => {
  const hosts = fc.constantFrom("a", "b", "c", "d", "e");
  const place = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 });
  await fc.assert(
    fc.property(fc.array(fc.tuple(hosts, fc.option(place))), (moves) => {
      const positions = new Positions(["a", "b", "c"]);
      const model = new Map<string, readonly number[]>(["a", "b", "c"].map((host) => [host, []]));
      for (const [host, to] of moves) {
        if (to === null) {
          positions.delete(host);
          model.delete(host);
        } else {
          positions.set(host, to);
          model.set(host, to);
        }
        const last = [...model.values()].find((one) =>
          [...model.values()].every((other) => !precedes(other, one)),
        );
        expect(positions.last).toEqual(last);
        for (const [one, there] of model) {
          expect(positions.of(one)).toEqual(there);
          const beside = [...model].filter(([, other]) => JSON.stringify(other) === JSON.stringify(there));
          expect([...positions.beside(one)].sort()).toEqual(beside.map(([name]) => name).sort());
        }
      }
      expect(positions.hosts().sort()).toEqual([...model.keys()].sort());
    }),
  );
});
