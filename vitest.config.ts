import { defineConfig } from "vitest/config";

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
      {
        test: {
          name: "hosts",
          include: ["test/hosts/**/*.test.ts"],
          globalSetup: ["test/hosts/global-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          // The files share the hosts, and one host has one lock.
          fileParallelism: false,
        },
      },
    ],
  },
});
