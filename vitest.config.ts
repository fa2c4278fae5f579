import { defineConfig } from "vitest/config";
import { FailedTests } from "./test/failed-tests.ts";
import { MessiestLast } from "./test/hosts/messiest-last.ts";

/** Long steps are real ones: packages are installed, machines start. */
const onHosts = {
  globalSetup: ["test/own-temporary-folder.ts", "test/built-plumb.ts", "test/hosts/global-setup.ts"],
  setupFiles: ["test/hosts/take-lab.ts"],
  testTimeout: 120_000,
  hookTimeout: 300_000,
};

/** What a test waits for is there within a moment, or on a machine that is busy with other work somewhat later; what never comes is told with what was seen last. */
const patient = { poll: { timeout: 60_000, interval: 100 } };

/** They take longest, and are begun first, for their project's name. A part of one: vitest run --project hosts-fleet test/hosts/production -t "the health endpoint" */
const FLEET = ["test/hosts/main-job/main-job.test.ts", "test/hosts/production/production.test.ts"];

/** Four files at a time, of whatever project, two of those that have hosts: what they do is mostly waiting, and each has a lab of its own. */
const together = { maxWorkers: 4, sequence: { groupOrder: 1 }, expect: patient };

/** Where a run leaves its results for a program (.ci/run). */
const results = process.env["PLUMB_TEST_RESULTS"];

export default defineConfig({
  test: {
    reporters: [
      "default",
      ...(results === undefined ? [] : [["json", { outputFile: results }] as ["json", object]]),
      new FailedTests(),
    ],
    sequence: { sequencer: MessiestLast },
    projects: [
      {
        test: {
          ...together,
          name: "unit",
          // They leave nothing behind in their process, and loading the sources anew for each costs more than the tests.
          isolate: false,
          globalSetup: ["test/own-temporary-folder.ts", "test/built-plumb.ts"],
          setupFiles: ["test/same-cases.ts"],
          include: ["test/**/*.test.ts"],
          exclude: ["test/hosts/**"],
          // A machine may be busy with other work; a test that hangs is still ended.
          testTimeout: 120_000,
        },
      },
      { test: { ...together, ...onHosts, name: "hosts-fleet", include: FLEET } },
      {
        test: {
          ...together,
          ...onHosts,
          setupFiles: [...onHosts.setupFiles, "test/hosts/as-found.ts"],
          name: "hosts-single",
          // As with the unit tests: what a file leaves on its hosts is taken away, and in its process it leaves nothing.
          isolate: false,
          include: ["test/hosts/**/*.test.ts"],
          exclude: FLEET,
        },
      },
    ],
  },
});
