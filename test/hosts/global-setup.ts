import type { TestProject } from "vitest/node";
import { labDown, labReset, labUp } from "../../src/lab/lab.ts";
import type { LabHostSpec } from "../../src/lab/plan.ts";

/** Another name lets two suites run beside each other on one machine. */
const LAB = process.env["PLUMB_TEST_LAB"] ?? "test";

/** Shared by all files of a project. `single`: two releases for the modules, and a third host for what plays do with several. `fleet`: the four of the main job, a second database server and a monitoring host. */
const HOSTS: Readonly<Record<string, readonly LabHostSpec[]>> = {
  single: [
    { name: "bookworm1", release: "bookworm" },
    { name: "trixie1", release: "trixie" },
    { name: "bookworm2", release: "bookworm" },
  ],
  fleet: [
    { name: "db1", release: "bookworm" },
    { name: "pool1", release: "bookworm" },
    { name: "pool2", release: "trixie" },
    { name: "app1", release: "bookworm" },
    { name: "db2", release: "bookworm" },
    { name: "mon1", release: "trixie" },
  ],
};

declare module "vitest" {
  interface ProvidedContext {
    lab: {
      name: string;
      keyFile: string;
      knownHostsFile: string;
      hosts: { name: string; address: string; release: string }[];
    };
  }
}

/** Fresh hosts for a project; they are taken down at its end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kind = project.name.replace("hosts-", "");
  const name = `${LAB}-${kind}`;
  const running = await labUp(name, HOSTS[kind] ?? [], (line) => process.stderr.write(`lab: ${line}\n`));
  await labReset(
    name,
    running.hosts.map((host) => host.name),
  );
  project.provide("lab", {
    name,
    keyFile: running.keyFile,
    knownHostsFile: running.knownHostsFile,
    hosts: running.hosts.map(({ name, address, release }) => ({ name, address, release })),
  });
  return () => labDown(name);
}
