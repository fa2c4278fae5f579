import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { typed } from "../hosts/typed.ts";
import { takeTurn } from "../take-turn.ts";

const run = promisify(execFile);

// This machine is the host of many of these, and a host has one lock.
await takeTurn("this-machine");

test.each([
  ["-i", "one,"],
  ["-e", "a=1"],
  ["--tags", "some"],
  ["--skip-tags", "some"],
  ["--roles-path", "."],
  ["--vault-id", "dev@prompt-is-not-asked"],
])("%s takes one argument: the playbook behind it stays a playbook", async (option, argument) => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  const playbook = path.join(folder, "site.yml");
  await writeFile(playbook, "- hosts: all\n  tasks:\n    - debug: {msg: hi}\n      tags: [some]\n");
  await writeFile(path.join(folder, "prompt-is-not-asked"), "secret\n");
  const { stdout } = await run(
    process.execPath,
    [PLUMB, "run", "--syntax-check", ...(option === "-i" ? [] : ["-i", "one,"]), option, argument, playbook],
    { cwd: folder },
  );
  expect(stdout).toContain("well formed");
});

test("what is written wrongly for a host ends the run as bad input, with its place, and is no defect of Plumb", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  const playbook = path.join(folder, "site.yml");
  await writeFile(playbook, "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: hi}\n");
  for (const setting of ["ansible_port=x", "ansible_connection=locl", "ansible_become_method=doas"]) {
    await writeFile(path.join(folder, "hosts"), `one ${setting}\n`);
    const ended = await run(process.execPath, [PLUMB, "run", "-i", "hosts", playbook], { cwd: folder }).catch(
      (error: unknown) => error,
    );
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("hosts:1:1: error: one: ansible_"),
    });
    expect(`${Reflect.get(Object(ended), "stdout")}`).not.toContain("defect");
  }
});

test.each([
  ["maybe", 1],
  ["n", 0],
  ["off", 0],
])(
  "ansible_become=%s ends with %i: what is neither true nor false is not taken for false",
  async (word, code) => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
    const playbook = path.join(folder, "site.yml");
    await writeFile(playbook, "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: hi}\n");
    await writeFile(path.join(folder, "hosts"), `one ansible_connection=local ansible_become=${word}\n`);
    const ended = await run(process.execPath, [PLUMB, "run", "-i", "hosts", playbook], { cwd: folder }).then(
      () => ({ code: 0 }),
      (error: unknown) => error,
    );
    expect(ended).toMatchObject({ code });
    if (code !== 0) expect(ended).toMatchObject({ stdout: expect.stringContaining("hosts:1:1: error:") });
  },
);

test("without an inventory there is no host, not even this one, and the error says what to write; --step says when nobody answers", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  const playbook =
    "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - command: touch touched\n      args: {chdir: FOLDER}\n";
  await writeFile(path.join(folder, "site.yml"), playbook.replace("FOLDER", folder));
  const started = (...args: string[]): ReturnType<typeof run> => {
    const ended = run(process.execPath, [PLUMB, "run", "site.yml", ...args], {
      cwd: folder,
      env: { ...process.env, PLUMB_INVENTORY: "" },
    });
    ended.child.stdin?.end("what?\n");
    return ended;
  };
  await expect(started()).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("-i localhost,"),
  });
  const { stderr } = await started("-i", "localhost,", "--step");
  expect(String(stderr).split("Run command?")).toHaveLength(3);
  expect(stderr).toContain("Nobody answers: nothing more is run.");
  expect(existsSync(path.join(folder, "touched"))).toBe(false);
});

test("how to connect is looked at for all hosts of all plays before the first host is touched; what an earlier play sets is waited for", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  const touched = path.join(folder, "touched");
  const play = (hosts: string, task: string): string =>
    `- hosts: ${hosts}\n  gather_facts: false\n  tasks:\n    - ${task}\n`;
  await writeFile(
    path.join(folder, "site.yml"),
    `${play("one", `command: touch ${touched}`)}${play("one", "set_fact: {seconds: 5}")}${play("all", "debug: {msg: hi}")}`,
  );
  const hosts = (more: string): Promise<void> =>
    writeFile(path.join(folder, "hosts"), `one\ntwo ${more}\n[all:vars]\nansible_connection=local\n`);
  const ended = (): Promise<unknown> =>
    run(process.execPath, [PLUMB, "run", "-i", "hosts", "site.yml"], { cwd: folder }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: unknown) => error,
    );
  for (const [setting, said] of [
    ["ansible_port=abc", "two: ansible_port is `abc`"],
    ["ansible_become_method=doas", "two: ansible_become_method `doas`"],
    ["ansible_become=maybe", "`ansible_become` must be true or false"],
  ] as const) {
    await hosts(setting);
    expect(await ended()).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
    expect(existsSync(touched)).toBe(false);
  }
  await hosts("ansible_port=abc ansible_connection=locl ansible_become=maybe");
  expect(await ended()).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/locl[\s\S]*abc[\s\S]*ansible_become` must/),
  });
  await hosts('ansible_timeout="{{ hostvars.one.seconds }}"');
  // Tests on lab hosts have this machine do something now and then.
  await expect.poll(ended).toMatchObject({ code: 0 });
  expect(existsSync(touched)).toBe(true);
});

test("a host that tasks are only delegated to is looked at too, and a NUL character is refused with its place", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  const touched = path.join(folder, "touched");
  const ended = async (task: string): Promise<unknown> => {
    await writeFile(
      path.join(folder, "site.yml"),
      `- hosts: one\n  gather_facts: false\n  tasks:\n    - command: touch ${touched}\n    - debug: {msg: hi}\n      ${task}\n`,
    );
    return run(process.execPath, [PLUMB, "run", "-i", "hosts", "site.yml"], { cwd: folder }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: unknown) => error,
    );
  };
  await writeFile(path.join(folder, "hosts"), "one ansible_connection=local\ntwo ansible_port=abc\n");
  expect(await ended("delegate_to: two")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("two: ansible_port is `abc`"),
  });
  for (const keyword of ["become_user", "delegate_to"])
    expect(await ended(`${keyword}: "a\\0b"`)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(new RegExp(`site.yml:6:\\d+: error: .*\`${keyword}\` can't hold a NUL`)),
    });
  expect(existsSync(touched)).toBe(false);
  for (const task of [
    'environment: {A: "a\\0b"}',
    'become_user: "{{ x }}"\n      become: true\n      vars: {x: "a\\0b"}',
    'delegate_to: "{{ x }}"\n      vars: {x: "a\\0b"}',
  ])
    expect(await ended(task)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/site.yml:6:\d+: error: .*NUL/),
    });
});

test("a task for localhost, of a host that is the controller under another name, is done there", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  await writeFile(path.join(folder, "hosts"), "here ansible_connection=local\n");
  await writeFile(
    path.join(folder, "site.yml"),
    `- hosts: all
  gather_facts: false
  tasks:
    - command: echo before
    - local_action: command echo local
    - set_fact: {a: 1}
      delegate_to: localhost
      delegate_facts: true
    - debug: {msg: "<{{ hostvars.localhost.a }} {{ default a 'none' }}>"}
`,
  );
  const { stdout } = await run(process.execPath, [PLUMB, "run", "-i", "hosts", "site.yml"], { cwd: folder });
  expect(stdout).toContain("<1 none>");
});

test("a name that ssh refuses, and a configuration that it can't read, are of one host: the others go on", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  await writeFile(path.join(folder, "site.yml"), "- hosts: all\n  tasks:\n    - debug: {msg: hi}\n");
  await writeFile(path.join(folder, "config"), "Nonsense yes\n");
  for (const [host, reason] of [
    ["'a b': ", "hostname contains invalid characters"],
    ["one: {ansible_ssh_args: -F config}", "Bad configuration option: nonsense"],
  ]) {
    await writeFile(
      path.join(folder, "hosts.yml"),
      `all: {hosts: {${host}, here: {ansible_connection: local}}}\n`,
    );
    await expect(
      run(process.execPath, [PLUMB, "run", "-i", "hosts.yml", "site.yml"], { cwd: folder }),
    ).rejects.toMatchObject({
      code: 4,
      stdout: expect.stringMatching(new RegExp(`ssh does not know how to reach it: .*${reason}`)),
    });
  }
});

test("a role or a file of tasks that is used twice has each time the parameters of that use", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  const files = {
    hosts: "one ansible_connection=local\n",
    "roles/web/meta/main.yml": "allow_duplicates: true\ndependencies: [{role: base, y: '{{ x }}'}]\n",
    "roles/web/tasks/main.yml": '- debug: {msg: "<web {{ x }}>"}\n',
    "roles/base/meta/main.yml": "allow_duplicates: true\n",
    "roles/base/tasks/main.yml": '- debug: {msg: "<base {{ y }}>"}\n',
    "part.yml": '- debug: {msg: "<part {{ x }}>"}\n',
    "site.yml":
      "- hosts: all\n  gather_facts: false\n  roles: [{role: web, x: 1}, {role: web, x: 2}]\n" +
      "  tasks: [{import_tasks: part.yml, vars: {x: 3}}, {import_tasks: part.yml, vars: {x: 4}}, {import_role: {name: base}, vars: {y: 5}}, {import_role: {name: base}, vars: {y: 6}}, {include_tasks: part.yml, loop: [7, 8], loop_control: {loop_var: x}}]\n",
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  const { stdout } = await run(process.execPath, [PLUMB, "run", "-i", "hosts", "site.yml"], { cwd: folder });
  expect([...stdout.matchAll(/<(.*?)>/g)].map(([, said]) => said)).toEqual([
    ...["base 1", "web 1", "base 2", "web 2"],
    ...["part 3", "part 4", "base 5", "base 6", "part 7", "part 8"],
  ]);
});

test("a terminal that can't move its rows, or does not say how wide it is, gets plain lines", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  await writeFile(
    path.join(folder, "site.yml"),
    "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: hi}\n",
  );
  await writeFile(path.join(folder, "hosts"), "one ansible_connection=local\n");
  const shownAt = async (terminal: string): Promise<string> =>
    (
      await run(
        "script",
        ["-qefc", `${terminal} ${process.execPath} ${PLUMB} run -i hosts site.yml`, "/dev/null"],
        { cwd: folder },
      )
    ).stdout;
  const hidesCursor = "\u001b[?25l";
  expect(await shownAt("stty cols 100 rows 30; TERM=xterm")).toContain(hidesCursor);
  for (const terminal of ["stty cols 0 rows 0; TERM=xterm", "stty cols 100 rows 30; TERM=dumb"]) {
    const shown = await shownAt(terminal);
    expect(shown).toContain("debug: hi");
    expect(shown).not.toContain(hidesCursor);
  }
});

test("who presses Ctrl-C at a terminal sees at once that the step under way is finished, not when it is", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  await writeFile(
    path.join(folder, "site.yml"),
    "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: touch started; sleep 2; touch done\n      args: {chdir: FOLDER}\n".replace(
      "FOLDER",
      folder,
    ),
  );
  const pressed = expect
    .poll(() => existsSync(path.join(folder, "started")))
    .toBe(true)
    .then(() => "\u0003");
  const command = `cd ${folder} && stty cols 110 rows 30 && TERM=xterm exec ${process.execPath} ${PLUMB} run site.yml -i one, -e ansible_connection=local`;
  const { said, code } = await typed(command, [], pressed);
  expect(code).toBe(130);
  expect(existsSync(path.join(folder, "done"))).toBe(true);
  const told = "Stopping: each host finishes the step under way";
  expect(said.split("\u2714")[0]).toContain(told);
  expect(said.split("\u2714").at(-1)).toContain(told);
});
