import { defineConfig } from "vitest/config";

/** Long steps are real ones: packages are installed, machines start. */
const onHosts = {
  globalSetup: ["test/built-plumb.ts", "test/hosts/global-setup.ts"],
  setupFiles: ["test/hosts/one-file-at-a-time.ts"],
  testTimeout: 120_000,
  hookTimeout: 300_000,
};

/** Two files at a time, of whatever project: of one that has hosts only one, and its name decides which project is begun first. What needs the fleet takes longest. */
const together = { maxWorkers: 2, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...together,
          name: "unit",
          globalSetup: ["test/built-plumb.ts"],
          include: ["test/**/*.test.ts"],
          exclude: ["test/hosts/**"],
          // A machine may be busy with other work; a test that hangs is still ended.
          testTimeout: 60_000,
        },
      },
      { test: { ...together, ...onHosts, name: "hosts-fleet", include: ["test/hosts/fleet.test.ts"] } },
      {
        test: {
          ...together,
          ...onHosts,
          name: "hosts-single",
          include: ["test/hosts/**/*.test.ts"],
          exclude: ["test/hosts/fleet.test.ts"],
        },
      },
    ],
  },
});
