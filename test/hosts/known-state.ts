import { beforeAll, describe, type RunnerTestSuite } from "vitest";

/** Fresh disks, and all that is installed there. */
const LIMIT_MS = 600_000;

/** How many groups of a file do not matter any more: the hosts were made anew behind them. */
const behind = new WeakMap<object, number>();

/**
 * A group of tests on the hosts of its file, which goes on from the state in which the groups before it leave them. One that has failed may leave them in any: then `bring` makes the state anew
 * before this group begins, so that one failure is seen as one. Where all is well that costs nothing.
 *
 * @param isThere whether the state was made at all: with `-t` groups are left out.
 */
export function describeFromKnownState(
  title: string,
  tests: () => void,
  bring: () => Promise<void>,
  isThere: () => boolean = () => true,
): void {
  const unlessKnown = async (_fixtures: object, group: Readonly<RunnerTestSuite>): Promise<void> => {
    const { file } = group;
    const before = file.tasks.slice(
      0,
      file.tasks.findIndex(({ id }) => id === group.id),
    );
    const failed = before.slice(behind.get(file)).find(({ result }) => result?.state === "fail");
    if (failed === undefined && isThere()) return;
    const why = failed === undefined ? "nothing was installed" : `"${failed.name}" failed`;
    process.stderr.write(`${why}: the hosts are made anew for "${title}"\n`);
    behind.set(file, before.length);
    await bring();
  };
  describe(title, () => {
    // Bound, and so without a text: Vitest reads in that of a hook which fixtures its first parameter names, and here are none.
    beforeAll(unlessKnown.bind(undefined), LIMIT_MS);
    tests();
  });
}
