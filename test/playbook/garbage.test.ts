import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { moduleNames } from "../../src/modules/catalogue.ts";
import { KEYWORDS } from "../../src/playbook/keywords.ts";
import { problemsOf } from "./loading.ts";

const words = [
  ...new Set(Object.values(KEYWORDS).flat()),
  ...moduleNames(),
  "import_tasks",
  "include_role",
  "meta",
  "file",
  "name",
  "that",
];
const key = fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 }));
const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    "{{ x }}",
    "{{ x",
    "a and",
    "yes",
    "site.yml",
    "app",
    "x == 1",
    null,
    true,
    0,
    -1,
    1e300,
    "",
  ),
  fc.string({ maxLength: 8 }),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    scalar,
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
  ),
}));
const task = fc.dictionary(key, tree, { maxKeys: 4 });
const play = fc.record(
  { hosts: scalar, tasks: fc.array(task, { maxLength: 3 }), roles: tree, vars: tree, handlers: tree },
  { requiredKeys: [] },
);

const finding = expect.objectContaining({ code: expect.any(String), message: expect.any(String) });

test("a small file that aliases make huge is refused", async () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const items = Array.from({ length: 10 }, () => (level === 0 ? "x" : `*a${level - 1}`));
    return `    a${level}: &a${level} [${items.join(", ")}]\n`;
  });
  const problems = await problemsOf(`- hosts: all\n  vars:\n${levels.join("")}`);
  expect(problems.map(({ code }) => code)).toEqual(["yaml-syntax"]);
});

test("brackets without end are refused", async () => {
  const deep = "[".repeat(20_000) + "]".repeat(20_000);
  const problems = await problemsOf(`- hosts: all\n  vars: {a: ${deep}}\n`);
  expect(problems.map(({ code }) => code)).toEqual(["yaml-syntax"]);
});

test("any text at all gives findings, never a crash", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), async (text) => {
      for (const problem of await problemsOf(text)) expect(problem).toEqual(finding);
    }),
    { numRuns: 100 },
  );
});

test("anything that YAML can say gives findings, never a crash", async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (value) => {
      for (const problem of await problemsOf(stringify(value))) expect(problem).toEqual(finding);
    }),
    { numRuns: 150 },
  );
});

test("plays with anything in them give findings inside of the file, never a crash", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(play, { minLength: 1, maxLength: 2 }), async (plays) => {
      const text = stringify(plays);
      const lines = text.split("\n");
      for (const { at } of await problemsOf(text)) {
        const line = lines[(at?.line ?? 1) - 1];
        expect(line).toBeDefined();
        expect(at?.column).toBeLessThanOrEqual((line?.length ?? 0) + 1);
      }
    }),
    { numRuns: 300 },
  );
});

const GOOD = `- name: "Play {{ x }}"
  hosts: all
  vars: &shared
    a: !expr length(groups) + 1
    b: {c: [1, "{{ a }}"]}
  roles:
    - {role: app, tags: [x], when: a > 1}
  tasks:
    - name: Settings
      copy:
        content: "{{ b.c }}"
        dest: /etc/app.conf
        mode: "0644"
      notify: restart
      register: out
    - block:
        - command: make creates=/srv/x chdir="/a b"
          args: {stdin: "{{ a }}"}
      rescue:
        - include_tasks: {file: "{{ a }}.yml", apply: {tags: t}}
          loop: "{{ b.c }}"
          loop_control: {label: "{{ item }}"}
      when: [out.changed, not defined(z)]
      vars:
        <<: *shared
    - assert:
        that:
          - a > 1
  handlers:
    - {name: restart, systemd: {name: app, state: restarted}}
`;

test("a good playbook with a piece cut out or put in gives findings, never a crash", async () => {
  const piece = fc.constantFrom(
    "",
    "{{",
    "}}",
    ":",
    "- ",
    "!expr ",
    "!vault x",
    "'",
    '"',
    "\n",
    "  ",
    "&a",
    "*shared",
    "[",
    "}",
    "\u0000",
    "é",
    "\t",
  );
  const position = fc.nat(GOOD.length);
  await fc.assert(
    fc.asyncProperty(position, fc.nat(12), piece, async (start, length, inserted) => {
      const text = GOOD.slice(0, start) + inserted + GOOD.slice(start + length);
      for (const problem of await problemsOf(text)) expect(problem).toEqual(finding);
    }),
    { numRuns: 400 },
  );
});
