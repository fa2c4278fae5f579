import { mkdtemp, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { Event } from "../../src/converge/event.ts";
import { runPlaybook } from "./converge.ts";
import { lab } from "./lab.ts";
import { labHost, onHost } from "./lab-hosts.ts";
import { startPlumb } from "./plumb-process.ts";

/** What hundreds of hosts ask of one controller. */
const MANY = 500;

test("Ctrl-C answers at once with hundreds of hosts under way, in handshakes that go nowhere and in a step", async () => {
  // Lets everybody in and says nothing: a host behind it would be waited for until the time to connect is over.
  const sockets = new Set<net.Socket>();
  let most = 0;
  const silent = net.createServer((socket) => {
    sockets.add(socket.resume());
    most = Math.max(most, sockets.size);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as net.AddressInfo;
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-many-"));
  const { keyFile, knownHostsFile } = lab;
  const hosts = ["bookworm1", "trixie1"].map((name) => `${name} ansible_host=${labHost(name).address}`);
  const others = Array.from(
    { length: MANY },
    (_, index) => `silent${index} ansible_host=127.0.0.1 ansible_port=${port}`,
  );
  const settings = [
    "ansible_user=admin",
    `ansible_ssh_private_key_file=${keyFile}`,
    `ansible_ssh_common_args=-o UserKnownHostsFile=${knownHostsFile}`,
  ];
  await writeFile(
    path.join(folder, "hosts.ini"),
    [...hosts, ...others, "[all:vars]", ...settings, ""].join("\n"),
  );
  await writeFile(
    path.join(folder, "site.yml"),
    "- hosts: all\n  gather_facts: false\n  strategy: free\n  tasks:\n    - shell: until [ -e /tmp/many-go-on ]; do sleep 0.1; done\n    - command: sleep 60\n",
  );
  const options = ["--forks", String(MANY + 2), "--timeout", "300", "--no-record"];
  const everywhere = (command: string): Promise<unknown> =>
    Promise.all(["bookworm1", "trixie1"].map((host) => onHost(host, command)));
  await everywhere("rm -f /tmp/many-go-on");
  const run = startPlumb(["run", "site.yml", "-i", "hosts.ini", ...options], { cwd: folder });
  const begun = (): number => run.events.filter(({ type }) => type === "task-started").length;
  await expect.poll(begun).toBe(2);
  await expect.poll(() => sockets.size).toBeGreaterThan(20);
  const pressed = Date.now();
  run.child.kill("SIGINT");
  // A host that says nothing has 300 s to answer.
  await expect.poll(() => run.events.map(({ type }) => type)).toContain("stopping");
  await everywhere("touch /tmp/many-go-on");
  expect(await run.ended).toBe(130);
  const finished = run.events.at(-1);
  expect(finished).toMatchObject({ type: "run-finished", outcome: "interrupted" });
  // The step that was under way came to its end; nobody began another one, and no silent host was waited for.
  expect(begun()).toBe(2);
  expect(
    finished?.type === "run-finished" && finished.hosts.every(({ outcome }) => outcome === "interrupted"),
  ).toBe(true);
  expect(Date.parse(finished?.time ?? "") - pressed).toBeLessThan(100_000);
  await expect.poll(() => sockets.size).toBe(0);
  await everywhere("rm /tmp/many-go-on");
  // However many are worked on, so many handshakes are under way at most.
  expect(most).toBeLessThanOrEqual(32);
  silent.close();
});

test("Ctrl-C answers at once while hundreds wait for their turn: none of them is connected any more, and those under way end their step", async () => {
  const names = ["bookworm1", "trixie1"];
  const accounts = [1, 2, 3, 4];
  const make = accounts
    .map(
      (account) =>
        `useradd -m -p '*' -s /bin/sh many${account} && install -d -m 700 -o many${account} /home/many${account}/.ssh && install -m 600 -o many${account} /root/.ssh/authorized_keys /home/many${account}/.ssh/`,
    )
    .join(" && ");
  await Promise.all(names.map((name) => onHost(name, make)));
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-waiting-"));
  const { keyFile, knownHostsFile } = lab;
  const hosts = Array.from({ length: MANY }, (_, index) => {
    const { address } = labHost(names[index % 2] ?? "");
    return `h${index} ansible_host=${address} ansible_user=many${(Math.floor(index / 2) % accounts.length) + 1}`;
  });
  const settings = [
    `ansible_ssh_private_key_file=${keyFile}`,
    `ansible_ssh_common_args=-o UserKnownHostsFile=${knownHostsFile}`,
  ];
  await writeFile(path.join(folder, "hosts.ini"), [...hosts, "[all:vars]", ...settings, ""].join("\n"));
  await writeFile(
    path.join(folder, "site.yml"),
    "- hosts: all\n  gather_facts: false\n  strategy: free\n  tasks:\n    - shell: until [ -e /tmp/many-go-on ]; do sleep 0.1; done; echo done >> done\n    - command: sleep 60\n",
  );
  const run = startPlumb(["run", "site.yml", "-i", "hosts.ini", "--forks", "8", "--no-record"], {
    cwd: folder,
  });
  const count = (type: Event["type"]): number => run.events.filter((event) => event.type === type).length;
  await expect.poll(() => count("task-started")).toBe(8);
  run.child.kill("SIGINT");
  await expect.poll(() => count("stopping")).toBe(1);
  await Promise.all(names.map((name) => onHost(name, "touch /tmp/many-go-on")));
  expect(await run.ended).toBe(130);
  expect([count("host-connected"), count("task-started")]).toEqual([8, 8]);
  const finished = run.events.at(-1);
  if (finished?.type !== "run-finished") throw new Error("the run has no end");
  expect(finished.hosts.map(({ outcome }) => outcome)).toEqual(hosts.map(() => "interrupted"));
  for (const name of names) {
    const left = await onHost(
      name,
      `cat /home/many*/done; rm /tmp/many-go-on; ${accounts.map((account) => `pkill -KILL -u many${account}; userdel -rf many${account} 2>/dev/null`).join("; ")}; true`,
    );
    expect(left).toBe("done\n".repeat(4));
  }
});

test("a host that is done is let go, is connected anew for one that acts on it, and stays for the next", async () => {
  const run = await runPlaybook(
    `- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - {name: own, command: hostname}
    - {name: other's, command: hostname, delegate_to: bookworm1, when: inventory_hostname != 'bookworm1'}
    - {name: other's again, command: hostname, delegate_to: bookworm1, when: inventory_hostname != 'bookworm1'}
- hosts: bookworm2
  gather_facts: false
  tasks:
    - {name: next play, command: hostname}`,
    { hosts: ["bookworm1", "trixie1", "bookworm2"] },
  );
  expect(run.finished.outcome).toBe("ok");
  expect(run.tasks.filter(({ status }) => status === "changed")).toHaveLength(8);
  const connected = (host: string): number =>
    run.events.filter((event) => event.type === "host-connected" && event.host === host).length;
  expect(["bookworm1", "trixie1", "bookworm2"].map(connected)).toEqual([2, 1, 1]);
  // What both connections have counted.
  const recap = run.finished.hosts.find(({ host }) => host === "bookworm1");
  expect(recap?.counters?.scripts).toBeGreaterThan(5);
});
