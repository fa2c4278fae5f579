import { defineConfig } from "vitest/config";

/** Long steps are real ones: packages are installed, machines start. */
const onHosts = {
  globalSetup: ["test/hosts/global-setup.ts"],
  setupFiles: ["test/hosts/one-file-at-a-time.ts"],
  testTimeout: 120_000,
  hookTimeout: 300_000,
  // One file of each project at a time; the projects have hosts of their own, and so run beside each other.
  maxWorkers: 2,
  sequence: { groupOrder: 1 },
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/hosts/**"],
          // A machine may be busy with other work; a test that hangs is still ended.
          testTimeout: 60_000,
        },
      },
      // It takes longest, and files of the project whose name comes first are begun first.
      { test: { ...onHosts, name: "hosts-fleet", include: ["test/hosts/fleet.test.ts"] } },
      {
        test: {
          ...onHosts,
          name: "hosts-single",
          include: ["test/hosts/**/*.test.ts"],
          exclude: ["test/hosts/fleet.test.ts"],
        },
      },
    ],
  },
});
