import { describe, expect, test } from "vitest";
import { lint } from "../../src/lint/lint.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
import { lintFiles } from "./lint-files.ts";

describe("lint", () => {
  test("finds everything in one pass, with positions, from the loader and from the rules", async () => {
    const { places } = await lintFiles({
      "site.yml": `- name: Web
  hosts: web
  become_user: root
  becom: true
  vars:
    unused_thing: 1
  roles:
    - role: web
  tasks:
    - pakage: {name: nginx}
    - name: Misspelt
      package: {nme: nginx}
      notify: restrat web
    - name: Old habits
      debug:
        msg: "{{ web_port | default(80) }}"
      when: web_port is defined
    - name: Command
      shell: systemctl restart {{ web_port }}
`,
      "roles/web/tasks/main.yml": `- name: Configuration
  template: {src: web.conf.hbs, dest: /etc/web.conf, mode: "0644"}
`,
      "roles/web/handlers/main.yml": "- name: restart web\n  systemd: {name: web, state: restarted}\n",
      "roles/web/defaults/main.yml": "web_port: 80\nweb_mode: 0640\nweb_token: abcdef123456\n",
      "roles/web/templates/web.conf.hbs":
        "listen {{ web_port }} {{ web_mode }}\n{{#each web_hosts}}\n  {{name}} {{../web_tokn}}\n{{/each}}\n",
      "roles/web/templates/old.conf.j2": "{% if a %}x{% endif %}\n",
      "inventory/hosts.yml": "web:\n  hosts:\n    web1:\n  vars:\n    db_password: correct-horse\n",
    });
    expect(places).toEqual([
      "inventory/hosts.yml:5:5 unused-variable",
      "inventory/hosts.yml:5:18 plain-secret",
      "roles/web/defaults/main.yml:2:11 numeric-mode",
      "roles/web/defaults/main.yml:3:1 unused-variable",
      "roles/web/defaults/main.yml:3:12 plain-secret",
      "roles/web/handlers/main.yml:1:3 unused-handler",
      "roles/web/templates/old.conf.j2:1:1 template-file",
      "roles/web/templates/web.conf.hbs:2:9 undefined-variable",
      "roles/web/templates/web.conf.hbs:3:14 undefined-variable",
      "site.yml:3:16 become-user-alone",
      "site.yml:4:3 unknown-key",
      "site.yml:6:5 unused-variable",
      "site.yml:10:7 unknown-module",
      "site.yml:12:17 unknown-parameter",
      "site.yml:13:15 unknown-handler",
      "site.yml:16:14 template-syntax",
      "site.yml:17:13 expression-syntax",
      "site.yml:18:7 no-changed-when",
      "site.yml:19:14 command-instead-of-module",
      "site.yml:19:14 needless-shell",
      "site.yml:19:14 unquoted-in-shell",
    ]);
  });

  test("knows the variables of every level", async () => {
    const { findings } = await lintFiles(
      {
        "inventory/hosts.ini": "[web]\nweb1 host_level=1\n[web:vars]\ngroup_level=1\n",
        "inventory/group_vars/web/main.yml": "file_level: 1\n",
        "host_vars/web1.yml": "host_file: 1\n",
        "vars/more.yml": "from_vars_file: 1\n",
        "vars/later.yml": "included: 1\n",
        "site.yml": `- name: Web
  hosts: web
  vars: {play_level: "{{ host_file }}"}
  vars_files: [vars/more.yml]
  vars_prompt: [{name: asked, prompt: Which?}]
  tasks:
    - name: Result
      command: id
      register: result
      changed_when: false
    - name: Fact
      set_fact: {fact: 1}
    - name: File
      include_vars: vars/later.yml
    - name: Block
      vars: {block_level: 1}
      block:
        - name: All of them
          vars: {task_level: 1}
          debug:
            msg: "{{ host_level }}{{ asked }}{{ group_level }}{{ file_level }}{{ host_file }}{{ from_vars_file }}{{ included }}{{ play_level }}{{ result.stdout }}{{ fact }}{{ block_level }}{{ task_level }}{{ entry.name }}{{ place }}{{ extra }}{{ ansible_facts.distribution }}{{ ansible_host }}"
          loop: [{name: a}]
          loop_control: {loop_var: entry, index_var: place}
`,
      },
      { extraNames: ["extra"] },
    );
    expect(findings).toEqual([]);
  });

  test("an undefined variable is an error where the inventory is known, and a warning where it is not", async () => {
    const site =
      '- name: Web\n  hosts: all\n  tasks:\n    - name: Show\n      debug: {msg: "{{ nothing }}"}\n';
    const severities = async (files: Record<string, string>): Promise<string[]> =>
      (await lintFiles(files)).findings.map(({ severity }) => severity);
    expect(await severities({ "site.yml": site })).toEqual(["warning"]);
    expect(
      await severities({ "site.yml": site, "inventory/hosts.yml": "web:\n  hosts:\n    web1:\n" }),
    ).toEqual(["error"]);
  });

  test("a name that a template only asks for, or that is a key of an item, need not be defined", async () => {
    const { findings } = await lintFiles({
      "site.yml": `- name: Web
  hosts: all
  vars: {list: [{port: 1}]}
  tasks:
    - name: Show
      debug:
        msg: "{{#each list}}{{port}}{{@index}}{{this.port}}{{/each}}{{#if (defined maybe)}}{{ maybe }}{{/if}}{{#each list as |one|}}{{one.port}}{{/each}}"
    - name: Only there
      debug: {msg: "{{ perhaps }}"}
      when: defined(perhaps)
`,
    });
    expect(findings).toEqual([]);
  });

  test("nothing is said of variables where something is included by a name that a host tells, but that it is", async () => {
    const { places } = await lintFiles({
      "site.yml": `- name: Web
  hosts: all
  tasks:
    - name: More
      include_tasks: "{{ ansible_facts.distribution }}.yml"
    - name: Show
      debug: {msg: "{{ from_there }}"}
`,
    });
    expect(places).toEqual(["site.yml:5:22 not-followed"]);
  });

  test("tasks of an include or a block in a loop see its item, and are looked through", async () => {
    const { places } = await lintFiles({
      "site.yml": `- name: Web
  hosts: all
  tasks:
    - name: More
      include_tasks: more.yml
      loop: "{{ ansible_play_hosts }}"
    - name: Around
      loop: "{{ ansible_play_hosts }}"
      loop_control: {loop_var: one, index_var: place}
      block:
        - name: Inside
          debug: {msg: "{{ one }}{{ place }}{{ nothing }}"}
`,
      "more.yml": '- name: More\n  debug: {msg: "{{ item }}{{ nothing }}"}\n',
    });
    expect(places).toEqual(["more.yml:2:16 undefined-variable", "site.yml:12:24 undefined-variable"]);
  });

  test("files that a loop over written items includes are looked through, and what they set is known", async () => {
    const { places } = await lintFiles({
      "site.yml": `- name: Web
  hosts: all
  tasks:
    - name: Each
      include_tasks: "parts/{{ part }}.yml"
      loop: [one, two, tree]
      loop_control: {loop_var: part}
    - name: Show
      debug: {msg: "{{ from_one }} {{ from_nowhere }}"}
`,
      "parts/one.yml": "- name: Set\n  set_fact: {from_one: '{{ part }}'}\n",
      "parts/two.yml": "- name: Wrong\n  pakage: {name: x}\n",
    });
    expect(places.toSorted()).toEqual([
      "parts/two.yml:2:3 unknown-module",
      "site.yml:5:22 file-not-found",
      "site.yml:9:20 undefined-variable",
    ]);
  });

  test("a role that nothing uses, and a file of tasks that it includes by a host's word, are checked too", async () => {
    const { places } = await lintFiles({
      "roles/web/tasks/main.yml": '- name: More\n  include_tasks: "{{ ansible_facts.os_family }}.yml"\n',
      "roles/web/tasks/Debian.yml": "- name: Wrong\n  pakage: {name: x}\n",
    });
    expect(places).toEqual([
      "roles/web/tasks/Debian.yml:2:3 unknown-module",
      "roles/web/tasks/main.yml:2:18 not-followed",
    ]);
  });

  test("a path that is not there is an error", async () => {
    await expect(
      lint(["no/such/folder"], {
        inventory: [],
        rolePaths: [],
        extraNames: new Set(),
        keyring: new Keyring(),
      }),
    ).rejects.toThrow(/there is no file or folder/);
  });

  test("Plumb's own playbooks, roles, examples and inventory have nothing to complain of", async () => {
    const findings = await lint(["playbooks", "roles", "inventory", "examples"], {
      inventory: [],
      rolePaths: ["roles"],
      // Of a group that the example inventory does not have.
      extraNames: new Set(["ha_virtual_address"]),
      keyring: new Keyring(),
    });
    expect(findings).toEqual([]);
  });
});

describe("a comment that says to ignore a finding", () => {
  const site = (comment: string, above = ""): Record<string, string> => ({
    "site.yml": `- name: Web\n  hosts: all\n  tasks:\n    - name: The service\n${above}      command: systemctl restart nginx${comment}\n      changed_when: true\n`,
  });

  test.each([
    ["on its line", site(" # plumb-lint: ignore[command-instead-of-module] it is one of a kind"), []],
    ["above it", site("", "      # plumb-lint: ignore[command-instead-of-module] it is one of a kind\n"), []],
    [
      "without a reason counts for nothing",
      site(" # plumb-lint: ignore[command-instead-of-module]"),
      ["command-instead-of-module", "ignore"],
    ],
    [
      "without a rule is complained of",
      site(" # plumb-lint: ignore because"),
      ["command-instead-of-module", "ignore"],
    ],
    [
      "of another rule is for nothing",
      site(" # plumb-lint: ignore[unnamed] because"),
      ["command-instead-of-module", "ignore"],
    ],
    [
      "of a rule that there is not",
      site(" # plumb-lint: ignore[command-instead-of-module, nonsense] because"),
      ["ignore"],
    ],
  ])("%s", async (_title, files, wanted) => {
    const { findings } = await lintFiles(files);
    expect(findings.map(({ rule }) => rule).sort()).toEqual(wanted);
  });

  test("does not hide what stops a run", async () => {
    const { findings } = await lintFiles({
      "site.yml": "- name: Web\n  hosts: all\n  becom: true # plumb-lint: ignore[unknown-key] because\n",
    });
    expect(findings.map(({ rule }) => rule).sort()).toEqual(["ignore", "unknown-key"]);
  });
});
