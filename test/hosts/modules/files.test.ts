import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { onHost } from "../lab-hosts.ts";
import { keepTheirPromises, type Promised } from "./promise.ts";

const CASES: readonly Promised[] = [
  {
    module: "replace",
    tasks:
      "- replace: {dest: /srv/replaced, after: '^\\[b\\]', before: '^\\[c\\]', regexp: '^#(?P<key>\\w+)=1$', replace: '\\g<key>=$1 `2`'}",
    before:
      "printf '[a]\\n#x=1\\n[b]\\n#x=1\\n#y=1\\n[c]\\n#x=1\\n' > /srv/replaced; chmod 640 /srv/replaced",
    holds:
      "printf '[a]\\n#x=1\\n[b]\\nx=$1 `2`\\ny=$1 `2`\\n[c]\\n#x=1\\n' | cmp - /srv/replaced && [ \"$(stat -c %a /srv/replaced)\" = 640 ]",
    drift: "sed -i '4s/.*/#x=1/' /srv/replaced",
    after: "rm /srv/replaced",
  },
  {
    module: "template",
    tasks:
      "- template: {src: app.conf.hbs, dest: '/srv/rendered ü.conf', owner: daemon, mode: '0640', validate: 'grep -q name %s'}\n  vars: {app: {name: \"it's $HOME\", ports: [80, 443]}}",
    holds:
      "printf '%s\\n' \"name = it's \\$HOME\" 'port = 80' 'port = 443' | cmp - '/srv/rendered ü.conf' && [ \"$(stat -c '%U %a' '/srv/rendered ü.conf')\" = 'daemon 640' ]",
    drift: "sed -i s/443/444/ '/srv/rendered ü.conf'; chown root '/srv/rendered ü.conf'",
    undo: {
      tasks: "- file: {path: '/srv/rendered ü.conf', state: absent}",
      gone: "[ ! -e '/srv/rendered ü.conf' ]",
    },
  },
  {
    module: "assemble",
    tasks:
      "- assemble: {src: /srv/parts, dest: /srv/assembled, regexp: '\\.conf$', delimiter: '# --', mode: '0600', ignore_hidden: true, validate: 'grep -q two %s'}",
    before:
      "mkdir -p /srv/parts/10.conf; cd /srv/parts; printf one > 20.conf; echo two > '3 ü.conf'; echo no > .x.conf; echo no > x.txt",
    holds:
      "printf 'one\\n# --\\ntwo\\n' | cmp - /srv/assembled && [ \"$(stat -c %a /srv/assembled)\" = 600 ]",
    drift: "rm /srv/assembled",
    undo: { tasks: "- file: {path: /srv/assembled, state: absent}", gone: "[ ! -e /srv/assembled ]" },
    after: "rm -r /srv/parts",
  },
  {
    module: "copy",
    tasks:
      "- copy: {src: /etc/hostname, remote_src: true, dest: /srv/target/, owner: daemon, mode: preserve, validate: 'test -s %s', backup: true}",
    before:
      "mkdir -p /srv/target; chmod 0644 /etc/hostname; echo old > /srv/target/hostname; chmod 600 /srv/target/hostname",
    holds:
      "cmp /etc/hostname /srv/target/hostname && [ \"$(stat -c '%U %a' /srv/target/hostname)\" = 'daemon 644' ] && [ \"$(cat /srv/target/hostname.*~ | head -n 1)\" = old ]",
    drift: "echo more >> /srv/target/hostname",
    after: "rm -r /srv/target",
  },
  {
    module: "user",
    tasks:
      "- user: {name: leaver, expires: 1893456000, password: '$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.', password_lock: true, home: /home/elsewhere, move_home: true}",
    before: "useradd -m leaver; echo kept > /home/leaver/kept",
    holds:
      "[ \"$(cat /home/elsewhere/kept)\" = kept ] && getent shadow leaver | grep -q '^leaver:!\\$6\\$salt.*:21915:$'",
    drift: "usermod --unlock --expiredate '' leaver",
    undo: {
      tasks: "- user: {name: leaver, state: absent, remove: true}",
      gone: "! getent passwd leaver && [ ! -e /home/elsewhere ]",
    },
  },
  {
    module: "ini_file",
    tasks: "- ini_file: {path: /srv/own.ini, section: extra, option: flag, allow_no_value: true}",
    before: "printf '[main]\\na = 1\\n' > /srv/own.ini",
    holds: "printf '[main]\\na = 1\\n\\n[extra]\\nflag\\n' | cmp - /srv/own.ini",
    drift: "sed -i '/flag/d' /srv/own.ini",
    undo: {
      tasks: "- ini_file: {path: /srv/own.ini, section: extra, state: absent}",
      gone: "! grep -q extra /srv/own.ini && grep -q '^a = 1' /srv/own.ini",
    },
    after: "rm /srv/own.ini",
  },
];

describe("a module that makes a file on both releases", () => {
  test("keeps its promise", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
    await mkdir(path.join(folder, "templates"));
    const text = "name = {{app.name}}\n{{#each app.ports}}\nport = {{this}}\n{{/each}}\n";
    await writeFile(path.join(folder, "templates", "app.conf.hbs"), text);
    await keepTheirPromises(CASES, folder);
  }, 300_000);

  test("assemble takes parts of the controller, in the order of their names", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
    await mkdir(path.join(folder, "files", "parts"), { recursive: true });
    for (const name of ["b", "a"]) await writeFile(path.join(folder, "files", "parts", name), `${name}\n`);
    const tasks =
      "- assemble: {src: parts, remote_src: false, dest: /srv/assembled}\n- file: {path: /srv/assembled, state: absent}";
    const { tasks: done } = await runTasks(tasks, { check: false, diff: true }, folder);
    expect(done.map(({ status }) => status)).toEqual(["changed", "changed"]);
    expect(done[0]?.differences[0]).toMatchObject({ after: "a\nb\n" });
  });

  test("copy brings a directory with all below it, says what differs by name, and a file that is there may stay", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
    const site = path.join(folder, "files", "site");
    await mkdir(path.join(site, "sub dir", "empty"), { recursive: true });
    await writeFile(path.join(site, "index ü.html"), "hello\n");
    await writeFile(path.join(site, "sub dir", "run"), Buffer.from([0, 255, 1, 254]), { mode: 0o755 });
    const tasks = `
- copy: {src: site/, dest: /srv/site, owner: daemon, mode: preserve, directory_mode: "0750"}
- copy: {src: site, dest: /srv/outer}
- copy: {src: "site/index ü.html", dest: /srv/site/, force: false}
- copy: {content: other, dest: "/srv/site/index ü.html", force: false}
`.trim();
    const hosts = ["bookworm1", "trixie1"];
    const both = (...statuses: string[]): string[] => statuses.flatMap((one) => [one, one]);
    const first = await runTasks(tasks, { hosts }, folder);
    expect(first.statuses.toSorted()).toEqual(both("changed copy", "changed copy", "ok copy", "ok copy"));
    for (const host of hosts)
      await onHost(
        host,
        "cd /srv && [ \"$(stat -c '%U %a' 'site/sub dir' 'site/sub dir/run' | tr '\\n' ' ')\" = 'daemon 750 daemon 755 ' ] && [ -d 'outer/site/sub dir/empty' ] && [ \"$(cat 'site/index ü.html')\" = hello ] && printf '\\000\\377\\001\\376' | cmp - 'outer/site/sub dir/run' && chmod 700 'site/sub dir' && echo x > 'site/index ü.html'",
      );
    const found = await runTasks(tasks, { hosts: ["bookworm1"], check: true, diff: true }, folder);
    expect(found.tasks[0]?.differences.map(({ name }) => name)).toEqual([
      "/srv/site/sub dir mode",
      "/srv/site/index ü.html",
    ]);
    await runTasks(tasks, { hosts }, folder);
    expect((await runTasks(tasks, { hosts }, folder)).statuses.toSorted()).toEqual(
      both("ok copy", "ok copy", "ok copy", "ok copy"),
    );
    for (const host of hosts) await onHost(host, "rm -r /srv/site /srv/outer");
  });

  test("replace refuses a pattern that would change the file on every run, and writes nothing", async () => {
    await onHost("bookworm1", "echo a > /srv/growing");
    const { tasks } = await runTasks("- replace: {path: /srv/growing, regexp: a, replace: aa}");
    expect(tasks[0]).toMatchObject({ status: "failed" });
    expect(tasks[0]?.message).toContain("on every run");
    expect(await onHost("bookworm1", "cat /srv/growing; rm /srv/growing")).toBe("a\n");
  });
});

describe.each(["bookworm1", "trixie1"])("find and tempfile on %s", (host) => {
  test("find tells what is there by name, age, size and content, and what could not be searched", async () => {
    await onHost(
      host,
      "mkdir -p '/srv/found/sub dir/.hid'; cd /srv/found; echo 'password = x' > 'a ü.conf'; printf 'one\\npassword' > 'sub dir/b.conf'; head -c 20000 /dev/zero > big; touch -d '3 days ago' old.log; ln -s big link; touch 'sub dir/.hid/c.conf'",
    );
    const tasks = `
- find: {paths: [/srv/found/, /srv/nowhere], patterns: '*.conf', recurse: true}
  register: conf
- find: {paths: /srv/found, contains: '.*password', recurse: true, get_checksum: true}
  register: text
- find: {paths: /srv/found, contains: 'one\\npass', read_whole_file: true, recurse: true}
  register: whole
- find: {paths: /srv/found, age: 2d, size: -1k}
  register: old
- find: {paths: /srv/found, size: 10k, file_type: any}
  register: big
- find: {paths: /srv/found, recurse: true, hidden: true, file_type: any, use_regex: true, patterns: ['^(c\\.conf|link)$']}
  register: odd
- debug: {msg: !expr "{'conf': conf, 'text': text, 'whole': whole, 'old': old, 'big': big, 'odd': odd}"}
`;
    const { tasks: done } = await runTasks(tasks.trim(), { hosts: [host], check: true });
    expect(done.map(({ status, message }) => (status === "ok" ? status : message))).toEqual(
      Array(7).fill("ok"),
    );
    type Found = {
      files: { path: string; checksum?: string; lnk_source?: string }[];
      skipped_paths: Record<string, string>;
    };
    const found = JSON.parse(done[6]?.message ?? "") as Record<string, Found>;
    const paths = (name: string): string[] | undefined => found[name]?.files.map(({ path: one }) => one);
    expect(paths("conf")).toEqual(["/srv/found/a ü.conf", "/srv/found/sub dir/b.conf"]);
    expect(found["conf"]?.skipped_paths).toEqual({ "/srv/nowhere": "is not there" });
    expect(paths("text")).toEqual(["/srv/found/a ü.conf", "/srv/found/sub dir/b.conf"]);
    expect(found["text"]?.files[0]?.checksum).toBe(
      (await onHost(host, "sha256sum < '/srv/found/a ü.conf'")).split(" ")[0],
    );
    expect(paths("whole")).toEqual(["/srv/found/sub dir/b.conf"]);
    expect(paths("old")).toEqual(["/srv/found/old.log"]);
    expect(paths("big")).toEqual(["/srv/found/big"]);
    expect(paths("odd")).toEqual(["/srv/found/link", "/srv/found/sub dir/.hid/c.conf"]);
    expect(found["odd"]?.files[0]?.lnk_source).toBe("big");
    await onHost(host, "rm -r /srv/found");
  });

  test("tempfile makes what only its owner can use, and says where", async () => {
    const tasks = `
- tempfile: {state: directory, prefix: "it's ", suffix: .work, path: /srv}
  register: work
- command: {argv: [stat, -c, "%F %U %a", "{{ work.path }}"]}
  register: seen
- file: {path: "{{ work.path }}", state: absent}
- assert:
    that: [seen.stdout == "directory root 700", 'work.path.matches("^/srv/it.s .{10}[.]work$")', work.mode == "0700"]
`;
    const { tasks: done } = await runTasks(tasks.trim(), { hosts: [host] });
    expect(done.map(({ status, message }) => `${status} ${message}`).at(-1)).toMatch(/^ok/);
  });
});

test("copy takes what fetch has brought a moment ago, and not what lay there before", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  await writeFile(path.join(folder, "brought"), "old");
  const tasks =
    "- fetch: {src: /etc/hostname, dest: brought, flat: true}\n- copy: {src: brought, dest: /srv/taken}";
  expect((await runTasks(tasks, {}, folder)).statuses).toEqual(["changed fetch", "changed copy"]);
  expect(await onHost("bookworm1", "cat /srv/taken; rm /srv/taken")).toBe("bookworm1\n");
});

test("find says so when its pattern is none of grep's, instead of finding nothing", async () => {
  const { tasks } = await runTasks("- find: {paths: /etc, contains: '(unclosed'}");
  expect(tasks[0]).toMatchObject({ status: "failed" });
  expect(tasks[0]?.message).toContain("no regular expression");
});
