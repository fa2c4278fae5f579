import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { onHost } from "../lab-hosts.ts";
import { keepsItsPromise, type Promised, titled } from "./promise.ts";

const CASES: readonly Promised[] = [
  {
    module: "replace",
    tasks:
      "- replace: {path: /srv/replaced, after: '^\\[b\\]', before: '^\\[c\\]', regexp: '^#(?P<key>\\w+)=1$', replace: '\\g<key>=$1 `2`'}",
    before:
      "printf '[a]\\n#x=1\\n[b]\\n#x=1\\n#y=1\\n[c]\\n#x=1\\n' > /srv/replaced; chmod 640 /srv/replaced",
    holds:
      "printf '[a]\\n#x=1\\n[b]\\nx=$1 `2`\\ny=$1 `2`\\n[c]\\n#x=1\\n' | cmp - /srv/replaced && [ \"$(stat -c %a /srv/replaced)\" = 640 ]",
    drift: "sed -i '4s/.*/#x=1/' /srv/replaced",
    after: "rm /srv/replaced",
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
];

describe("a module that makes a file on both releases", () => {
  test.each(titled(CASES))("$title keeps its promise", (one) => keepsItsPromise(one));

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

test("find says so when its pattern is none of grep's, instead of finding nothing", async () => {
  const { tasks } = await runTasks("- find: {paths: /etc, contains: '(unclosed'}");
  expect(tasks[0]).toMatchObject({ status: "failed" });
  expect(tasks[0]?.message).toContain("no regular expression");
});
