import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isValueMap, type Value } from "../../src/variables/value.ts";
import { runPlaybook } from "./converge.ts";
import { lab } from "./lab.ts";
import { labHost, onHost } from "./lab-hosts.ts";

const execute = promisify(execFile);
const HOSTS = ["bookworm1", "trixie1"];

/** Plumb's own: Ansible has no facts of these names. */
const OWN = [
  "distribution_full_version",
  "interface_addresses",
  "package_versions",
  "processor_model",
  "systemd_version",
];
/** Ansible's name for one thing, and why its value is not ours. */
const OTHERWISE: Readonly<Record<string, string>> = {
  memfree_mb: "ours is what can be had (MemAvailable), and of another moment",
  virtualization_type:
    "Ansible says `container` as root, who may read init's environment, and systemd-nspawn as others",
  default_ipv4: "Ansible's says more",
  default_ipv6: "Ansible's says more",
};

/** Ansible needs Python on the host. */
const eachHost = (command: string): Promise<string[]> =>
  Promise.all(HOSTS.map((host) => onHost(host, command)));
beforeAll(() =>
  eachHost(
    // And a way out by IPv6, which the lab has not.
    "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install python3 && ip address add fd00:6:6::2/64 dev host0 nodad && ip -6 route add default via fd00:6:6::1",
  ),
);
afterAll(() =>
  eachHost(
    "ip address del fd00:6:6::2/64 dev host0; ip -6 route flush default; DEBIAN_FRONTEND=noninteractive apt-get -q -y purge --auto-remove python3",
  ),
);

async function ansibleFacts(host: string): Promise<Record<string, Value>> {
  const { keyFile, knownHostsFile } = lab;
  const { stdout } = await execute(
    "ansible",
    [
      "all",
      "-i",
      `${labHost(host).address},`,
      "-u",
      "admin",
      "--private-key",
      keyFile,
      "-m",
      "setup",
      "-e",
      "ansible_python_interpreter=/usr/bin/python3",
    ],
    {
      env: {
        ...process.env,
        ANSIBLE_SSH_ARGS: `-o UserKnownHostsFile=${knownHostsFile}`,
        ANSIBLE_NOCOLOR: "1",
        LC_ALL: "C.UTF-8",
      },
      maxBuffer: 16 * 1024 * 1024,
    },
  );
  return JSON.parse(stdout.slice(stdout.indexOf("{"))).ansible_facts;
}

/** Interfaces and addresses are in no order in Ansible. */
function sorted(value: Value | undefined): Value | undefined {
  return Array.isArray(value) ? [...value].sort() : value;
}

test("facts have Ansible's names and values, name by name", async () => {
  const run = await runPlaybook("- hosts: all\n  gather_facts: false\n  tasks:\n    - setup:\n", {
    hosts: HOSTS,
  });
  for (const host of HOSTS) {
    const theirs = await ansibleFacts(host);
    const ours = run.tasks.find((task) => task.host === host)?.data?.["ansible_facts"];
    if (ours === undefined || !isValueMap(ours)) throw new Error(`no facts of ${host}`);
    for (const [name, value] of Object.entries(ours)) {
      const theirValue = theirs[`ansible_${name}`];
      if (OWN.includes(name)) expect([host, name, theirValue]).toEqual([host, name, undefined]);
      else if (OTHERWISE[name] === undefined)
        expect([host, name, sorted(value)]).toEqual([host, name, sorted(theirValue)]);
      else expect([host, name, typeof value]).toEqual([host, name, typeof theirValue]);
    }
    for (const name of ["default_ipv4", "default_ipv6"]) {
      expect(Object.keys(Object(ours[name]))).toEqual(["interface", "address", "gateway"]);
      expect(theirs[`ansible_${name}`]).toMatchObject(Object(ours[name]));
    }
  }
});
