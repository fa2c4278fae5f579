import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/fleet/run.ts";
import { INSTEAD, KEYWORDS, type Place } from "../../src/playbook/keywords.ts";
import { MAGIC_NAMES } from "../../src/playbook/magic-names.ts";
import { insteadOfName } from "../../src/variables/names-not-here.ts";
import { checkOptions } from "../fleet/run-options.ts";
import { takeTurn } from "../take-turn.ts";
import { askAnsible, caseFolder, writeFiles } from "./ask-ansible.ts";

// This machine is the host, and a host has one lock.
await takeTurn("this-machine");

const FILES = {
  "hosts.ini": "h1 ansible_connection=local\n",
  "site.yml": "- hosts: all\n  gather_facts: false\n  roles: [app]\n",
  "facts.yml": "- hosts: all\n  gather_facts: false\n  tasks: [{setup: {}}]\n",
  "roles/app/meta/main.yml": "dependencies: [base]\n",
  "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
  "roles/base/tasks/main.yml": "- debug: {msg: x}\n",
};

/** Ansible's own names for its own use: nobody writes them. */
const INTERNAL_KEYWORDS = ["async_val", "loop_with"];
/** `environment` of a task is seen as a variable there, and so is what the inventory says. */
const INTERNAL_NAMES = ["environment", "ansible_connection"];

let place: Awaited<ReturnType<typeof caseFolder>>;
let words: { keywords: Record<Place, string[]>; magic: string[] };
beforeAll(async () => {
  place = await caseFolder();
  await writeFiles(place.folder, FILES);
  const [answer] = await askAnsible<typeof words>([
    {
      kind: "words",
      folder: place.folder,
      sources: [path.join(place.folder, "hosts.ini")],
      playbook: "site.yml",
      options: { subset: "h1" },
    },
  ]);
  if (answer?.value === undefined) throw new Error(answer?.error ?? "no answer");
  words = answer.value;
}, 120_000);
afterAll(() => place.remove());

test("every keyword of Ansible's is Plumb's too, in the same place, or refused with what to write instead", () => {
  let compared = 0;
  for (const [where, theirs] of Object.entries(words.keywords)) {
    const ours = KEYWORDS[where as Place];
    const left = theirs.filter((word) => !ours.includes(word) && !INTERNAL_KEYWORDS.includes(word));
    expect([where, left.filter((word) => INSTEAD[word] === undefined)]).toEqual([where, []]);
    compared += theirs.length;
  }
  expect(compared).toBeGreaterThan(150);
});

test("every magic variable of Ansible's is Plumb's too, or its error says what to write instead", () => {
  const known: readonly string[] = [...MAGIC_NAMES, "ansible_facts", ...INTERNAL_NAMES];
  const left = words.magic.filter((name) => !known.includes(name));
  expect(left.length).toBeLessThan(words.magic.length / 2);
  expect(left.filter((name) => insteadOfName(name) === undefined)).toEqual([]);
});

/** What Plumb gathers on this machine. */
async function ourFacts(): Promise<string[]> {
  const files = ["hosts.ini", "facts.yml"].map((name) => path.join(place.folder, name));
  const options = await checkOptions(files.slice(0, 1), files.slice(1));
  let found: string[] = [];
  await run({
    ...options,
    emit: (event) => {
      if (event.type === "task-finished") found = Object.keys(Object(event.data?.["ansible_facts"]));
    },
  });
  return found;
}

test("every fact that Ansible gathers here is Plumb's too, or its error says what to write instead", async () => {
  const { stdout } = await promisify(execFile)(
    "ansible",
    ["localhost", "-c", "local", "-m", "setup", "-e", "ansible_python_interpreter=/usr/bin/python3"],
    { env: { ...process.env, LC_ALL: "C.UTF-8", ANSIBLE_NOCOLOR: "1" }, maxBuffer: 16 * 1024 * 1024 },
  );
  const facts: Record<string, unknown> = JSON.parse(stdout.slice(stdout.indexOf("{"))).ansible_facts;
  const interfaces = (facts["ansible_interfaces"] as string[]).map(
    (name) => `ansible_${name.replaceAll(/[-.:]/g, "_")}`,
  );
  const ours = (await ourFacts()).map((name) => `ansible_${name}`);
  expect(ours.length).toBeGreaterThan(25);
  const left = Object.keys(facts).filter(
    (name) => name.startsWith("ansible_") && !ours.includes(name) && !interfaces.includes(name),
  );
  expect(left.filter((name) => insteadOfName(name) === undefined)).toEqual([]);
  // What is ours needs no word instead.
  expect(ours.filter((name) => insteadOfName(name) !== undefined)).toEqual([]);
});
