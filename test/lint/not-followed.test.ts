import { expect, test } from "vitest";
import { encrypt } from "../../src/variables/vault/ansible-vault.ts";
import { lintFiles } from "./lint-files.ts";

const play = (keywords: string, tasks: string): string =>
  `- name: Web\n  hosts: all\n${keywords}  tasks:\n${tasks}`;

const notes = async (files: Record<string, string>): Promise<string[]> => {
  const { findings } = await lintFiles(files);
  expect(
    findings.filter(({ rule }) => rule === "not-followed").map(({ severity }) => severity),
  ).not.toContain("error");
  return findings.map(
    ({ rule, severity, at, message }) => `${at.line}:${at.column} ${severity} ${rule} ${message}`,
  );
};

test.each([
  ["include_tasks", '    - name: A\n      include_tasks: "{{ which }}.yml"\n', "5:22"],
  ["include_role", '    - name: A\n      include_role: {name: "{{ which }}"}\n', "5:28"],
  ["include_vars", '    - name: A\n      include_vars: "{{ which }}.yml"\n', "5:21"],
  ["include_vars", '    - name: A\n      include_vars: {dir: "{{ which }}"}\n', "5:27"],
  ["include_vars", '    - name: A\n      include_vars: {dir: vars, name: "{{ which }}"}\n', "5:27"],
  ["include_vars", "    - name: A\n      include_vars: not-there.yml\n", "5:21"],
])("%s that only a run can follow is a note with its place: %s", async (name, task, place) => {
  const found = await notes({ "site.yml": play("", task) });
  expect(found).toEqual([
    expect.stringMatching(new RegExp(`^${place} note not-followed lint could not follow this \`${name}\`: `)),
  ]);
});

test("of vars_files each entry that can't be read now is a note, and the others are read", async () => {
  const files =
    '  vars_files:\n    - "{{ which }}.yml"\n    - not-there.yml\n    - [no.yml, there.yml]\n    - locked.yml\n';
  const site = play(files, '    - name: A\n      debug: {msg: "{{ there }}{{ nothing }}"}\n');
  const found = await notes({
    "site.yml": site,
    "vars/there.yml": "there: 1\n",
    "vars/locked.yml": encrypt(Buffer.from("a: 1\n"), "pw", "default"),
  });
  expect(found).toEqual([
    expect.stringMatching(/^4:7 note .* made of what only a run tells$/),
    expect.stringMatching(/^5:7 note .* there is no file not-there.yml now$/),
    expect.stringMatching(/^7:7 note .* no password was given for .*locked.yml$/),
  ]);
});

test("files that are written out, also in a loop and as folders, are read: their variables are known, and what is wrong in them is told", async () => {
  const { places } = await lintFiles({
    "site.yml": play(
      "",
      `    - {name: A, include_vars: "{{ item }}.yml", loop: [one, two]}
    - {name: B, include_vars: {dir: more, ignore_files: [skipped]}}
    - {name: C, include_vars: {file: one.yml, name: held}}
    - {name: D, debug: {msg: "{{ one }}{{ two }}{{ three }}{{ held.one }}{{ four }}"}}
`,
    ),
    "vars/one.yml": "one: 1\n",
    "vars/two.yml": "two: 1\n",
    "more/three.yml": "three: 1\n",
    "more/skipped.yml": "four: 1\n",
  });
  expect(places).toEqual(["site.yml:7:30 undefined-variable"]);
  const { places: broken } = await lintFiles({
    "site.yml": play("", "    - {name: A, include_vars: broken.yml}\n"),
    "vars/broken.yml": 'a: "{{ b | upper }}"\n',
  });
  expect(broken).toEqual(["site.yml:4:31 not-followed", "vars/broken.yml:1:4 template-syntax"]);
});

test("a list of tasks that includes itself until a condition fails is looked through once, and hides nothing", async () => {
  const { places } = await lintFiles({
    "site.yml": play("  vars: {n: 3}\n", "    - {name: A, include_tasks: again.yml}\n"),
    "again.yml":
      "- {name: Less, set_fact: {n: !expr n - 1}}\n- {name: Again, include_tasks: again.yml, when: n > nothing}\n",
  });
  expect(places).toEqual(["again.yml:2:49 undefined-variable"]);
});

test("a name that Plumb sets itself is warned of in files of vars_files and include_vars too", async () => {
  const { places } = await lintFiles({
    "site.yml": play(
      "  vars_files: [of-play.yml]\n",
      `    - {name: A, include_vars: of-task.yml}
    - {name: B, include_vars: {dir: folder}}
    - {name: C, include_vars: {file: of-task.yml, name: play_hosts}}
    - {name: D, debug: {msg: "{{ groups }}{{ hostvars }}{{ omit }}{{ play_hosts }}"}}
`,
    ),
    "vars/of-play.yml": "groups: 1\n",
    "vars/of-task.yml": "hostvars: 1\n",
    "vars/folder/one.yml": "omit: 1\n",
  });
  expect(places).toEqual([
    "site.yml:7:51 reserved-variable",
    "vars/folder/one.yml:1:1 reserved-variable",
    "vars/of-play.yml:1:1 reserved-variable",
    "vars/of-task.yml:1:1 reserved-variable",
  ]);
});
