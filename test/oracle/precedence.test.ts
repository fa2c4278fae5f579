import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunState } from "../../src/fleet/run-state.ts";
import { variablesInPlay } from "../../src/fleet/variables-in-play.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";
import type { Node, Task } from "../../src/playbook/playbook.ts";
import { literalOf } from "../../src/variables/evaluate.ts";
import type { SourcedVariable } from "../../src/variables/sourced.ts";
import type { Value } from "../../src/variables/value.ts";
import { checkOptions } from "../fleet/run-options.ts";
import { askAnsible, caseFolder, writeFiles } from "./ask-ansible.ts";
import { type GeneratedVariables, generatedVariables, NAMES } from "./generated-variables.ts";
import { explained, PLAYBOOK_CASES, SEED } from "./seed.ts";

const HOSTS = ["h1", "h2"];

/** Task, host, variable: its value. */
type Seen = Record<string, Record<string, Record<string, { value?: Value; error?: string }>>>;

let remove: () => Promise<void>;
let cases: (GeneratedVariables & { folder: string })[];
let answers: Awaited<ReturnType<typeof askAnsible<Seen>>>;

beforeAll(async () => {
  const place = await caseFolder();
  remove = place.remove;
  const generated = fc.sample(generatedVariables, { numRuns: PLAYBOOK_CASES, seed: SEED });
  cases = generated.map((one, index) => ({ ...one, folder: path.join(place.folder, String(index)) }));
  for (const { folder, files } of cases) await writeFiles(folder, files);
  answers = await askAnsible<Seen>(
    cases.map(({ folder, included, facts, set, extra }) => ({
      kind: "variables",
      folder,
      sources: [path.join(folder, "inv/hosts")],
      playbook: "play/site.yml",
      names: NAMES,
      included: { h1: included },
      facts: { h1: facts },
      set: { h1: set },
      extra,
    })),
  );
}, 120_000);

afterAll(() => remove());

async function ours({ folder, included, facts, set, extra }: (typeof cases)[number]): Promise<Seen> {
  const playbook = await loadPlaybook(path.join(folder, "play/site.yml"), { rolePaths: [] });
  const options = await checkOptions([path.join(folder, "inv/hosts")], [], extra);
  const state = RunState.withoutConnections(options);
  await state.prepareHostvars();
  const seen: Seen = {};
  for (const play of playbook.plays) {
    for (const host of HOSTS) {
      const variables = await variablesInPlay(
        state,
        { playbook, play, hosts: HOSTS, batchHosts: HOSTS },
        host,
        () => false,
      );
      if (host === "h1") {
        variables.setFacts(
          Object.fromEntries(
            Object.entries(facts).map(([name, value]) => [name.replace("ansible_", ""), value]),
          ),
        );
        variables.include(new Map(Object.entries(included).map(([name, value]) => [name, literal(value)])));
        for (const [name, value] of Object.entries(set)) variables.set(name, value);
      }
      for (const task of play.sections.flatMap(({ nodes }) => nodes.flatMap(tasksIn))) {
        const scope = variables.scopeOf(task);
        const found = NAMES.map((name) => [name, scope.lookup(name)] as const).filter(
          ([, value]) => value !== undefined,
        );
        const name = String(task.name === undefined ? "" : literalOf(task.name));
        const ofTask = seen[name] ?? {};
        ofTask[host] = Object.fromEntries(
          found.map(([key, value]) => [key, value === undefined ? {} : { value }]),
        );
        seen[name] = ofTask;
      }
    }
  }
  return seen;
}

function tasksIn(node: Node): Task[] {
  if (node.kind === "block") return [...node.block, ...node.rescue, ...node.always].flatMap(tasksIn);
  return [node.kind === "task" ? node : node.task];
}

function literal(value: Value): SourcedVariable {
  return { value: { kind: "literal", value } };
}

function without<Values extends object>(values: Values | undefined, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([name]) => !names.includes(name)));
}

test("a variable that is set on many levels has the value that Ansible gives it, in every task and on every host", async () => {
  let compared = 0;
  for (const [index, one] of cases.entries()) {
    const ansible = answers[index];
    const seen = await ours(one);
    expect(ansible?.error, explained(one, { ours: seen })).toBeUndefined();
    for (const [task, hosts] of Object.entries(ansible?.value ?? {})) {
      const told = explained(one, {
        task,
        included: one.included,
        facts: one.facts,
        set: one.set,
        extra: one.extra,
      });
      const left = task.startsWith("role c") ? [] : one.importedOnly;
      for (const [host, values] of Object.entries(hosts)) {
        expect(without(seen[task]?.[host], left), told).toEqual(without(values, left));
      }
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(PLAYBOOK_CASES * 8);
});
