import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encrypt } from "../../src/variables/vault/ansible-vault.ts";
import { PLUMB } from "../built-plumb.ts";
import { lab } from "./lab.ts";
import { labHost, onHost } from "./lab-hosts.ts";

/** docs/undo.md: undo/RUN/NUMBER. */
const FORMER_CONTENT = "/var/lib/plumb/undo/[^/]+/[0-9a-f]+[.][0-9]+[.][0-9]+";
const HOSTS = ["bookworm1", "trixie1"];
const PASSWORD = "vault-password-5561";

/** What is in the vaults, each in another kind of place. None of them stands anywhere else in plain text. */
const SECRETS = {
  inline: `In'line "quo\\ted" $x 7391`,
  listed: "listed-Value-2268",
  whole: "whole-File+secret/8842==",
  number: "77310042",
  key: "-----BEGIN TEST KEY-----\nMIIkeyLineOne3380\nMIIkeyLineTwo4417\n-----END TEST KEY-----",
  hash: "$6$saltsalt$QxyM2hq0hN5zNUbBmVTQBwcCk0DgJ0Zv4Y7nq6G0yZf5fZ0mX5l9l8n8u0eYpH1a6Yx0a1xk8m2Jb1c9d8e7f/",
  file: "sent-file-line-6605\nsecond-file-line-6606",
  template: "template-text-9917",
  script: "script-text-1175",
  aged: "age-value-5513",
  included: "included-value-3092",
  inPlay: "value-in-the-play-8874",
  inTask: "value-in-a-task-4120",
  big: "line-of-a-big-file-7741",
  part: "part-of-a-file-6218",
  inName: "part-of-a-name-2907",
  account: "vaulted-name-8031",
};
const OLD_PASSWORD = "old-Pass-word-9915";

let folder = "";
const at = (name: string): string => path.join(folder, name);

function write(name: string, text: string): void {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
}

const sealed = (text: string): string => encrypt(Buffer.from(text), PASSWORD, "prod");
const inline = (text: string, indent: number): string =>
  `!vault |\n${sealed(text).trimEnd().replace(/^/gm, " ".repeat(indent))}`;

const playbook = (): string => `
- name: a play with {{ in_play }}
  hosts: all
  become: true
  vars:
    in_play: ${inline(SECRETS.inPlay, 6)}
  vars_files:
    - aged.yml
  tasks:
    - include_vars: included.yml
    - name: copy the value {{ whole }}
      copy: { content: "{{ whole }} {{ deep.list.[0] }}\\n", dest: /srv/vault/content }
    - copy: { src: sent.txt, dest: /srv/vault/sent }
    - copy: { src: big.txt, dest: /srv/vault/big }
    - copy: { src: sent.txt, dest: /srv/vault/as-it-is, decrypt: false, mode: "0644" }
    - copy:
        content: ${inline(SECRETS.inTask, 10)}
        dest: /srv/vault/in-task
      notify: tell
    - debug: { msg: "{{ in_play }}" }
    - copy: { content: "{{ key }}\\n", dest: /srv/vault/open, mode: "0644" }
    - template: { src: app.conf.hbs, dest: /srv/vault/app.conf }
    - template: { src: sealed.hbs, dest: /srv/vault/sealed }
    - assemble: { src: parts, dest: /srv/vault/assembled, remote_src: false }
    - uri: { url: "http://127.0.0.1:1/", method: POST, body: "{{ whole }}", headers: { Authorization: "{{ inline }}" } }
      ignore_errors: true
    - lineinfile: { path: /srv/vault/lines, line: "token={{ whole }}", create: true }
    - blockinfile: { path: /srv/vault/lines, block: "{{ key }}" }
    - command: { cmd: cat, stdin: "{{ inline }}" }
      register: shown
      changed_when: false
    - debug: { var: shown }
    - debug: { msg: "it said {{ shown.stdout }} and {{ number }}, {{ aged }}, {{ included }}" }
    - shell: 'sleep 0.2; printf "%s" "$TOKEN" | base64 -w 0; echo; printf "%s" "x$TOKEN" | base64; printf "%s\\n" "$TOKEN" >&2; set -x; : "$TOKEN"'
      environment: { TOKEN: "{{ whole }}" }
      register: encoded
      changed_when: false
    - slurp: { src: /srv/vault/content }
      register: slurped
      when: not ansible_check_mode
    - debug: { msg: "{{ slurped }}" }
    - set_fact: { derived: "{{ sha256 whole }}", embedded: "{{ base64_encode shown.stdout }}" }
    - debug: { msg: "{{ derived }} {{ embedded }}" }
    - user: { name: vaulted, password: "{{ hash }}" }
    - script: sealed-script.sh
      changed_when: false
    - shell: 'echo "{{ whole }}" >&2; echo {{ quote inline }}; exit 3'
      ignore_errors: true
    - fail: { msg: "because of {{ inline }}" }
      ignore_errors: true
    - assert: { that: 'whole == "x"', fail_msg: "{{ whole }} is not x" }
      ignore_errors: true
    - file: { path: "/nonexistent/{{ in_name }}/deeper", state: touch }
      ignore_errors: true
    - debug: { msg: "{{ item }}" }
      loop: ["{{ whole }}", "{{ aged }}"]
    - debug: { msg: '{{ no_such_variable }} {{ whole }}' }
      ignore_errors: true
  handlers:
    - name: tell
      debug: { msg: "told {{ whole }}" }
`;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "plumb-vault-host-"));
  const { keyFile, knownHostsFile } = lab;
  write("pass", PASSWORD);
  execFileSync("age-keygen", ["-o", at("identity")], { stdio: "ignore" });
  const recipient = execFileSync("age-keygen", ["-y", at("identity")], { encoding: "utf8" }).trim();
  const settings = `ansible_ssh_private_key_file=${keyFile} ansible_ssh_common_args="-o UserKnownHostsFile=${knownHostsFile}"`;
  write(
    "hosts.ini",
    HOSTS.map((name) => `${name} ansible_host=${labHost(name).address} ${settings}\n`).join(""),
  );
  write(
    "group_vars/all/vault.yml",
    sealed(
      `ansible_user: admin\nwhole: ${SECRETS.whole}\nnumber: ${SECRETS.number}\nhash: ${SECRETS.hash}\n`,
    ),
  );
  write(
    "group_vars/all/values.yml",
    `inline: ${inline(SECRETS.inline, 4)}\ndeep:\n  list:\n    - ${inline(SECRETS.listed, 8)}\nkey: ${inline(SECRETS.key, 4)}\n`,
  );
  execFileSync("age", ["-r", recipient, "-o", at("aged.yml")], { input: `aged: ${SECRETS.aged}\n` });
  write(
    "included.yml",
    sealed(`included: ${SECRETS.included}\nin_name: ${SECRETS.inName}\naccount: ${SECRETS.account}\n`),
  );
  write("files/sent.txt", sealed(SECRETS.file));
  write("files/sealed-script.sh", sealed(`#!/bin/sh\necho ran; echo ${SECRETS.script}\n`));
  write(
    "templates/app.conf.hbs",
    "user = app\npassword = {{ whole }}\njson = {{ to_json inline }}\nshell = {{ quote inline }}\nencoded = {{ base64_encode key }}\n",
  );
  write("templates/sealed.hbs", sealed(`${SECRETS.template}\nand {{ aged }}\n`));
  write("site.yml", playbook());
  write("paths.yml", PATHS);
  write("templates/plain.hbs", "nothing secret\n");
  write("files/parts/10-sealed", sealed(`${SECRETS.part}\n`));
  write("files/parts/20-plain", "behind it\n");
  write("files/big.txt", sealed(`${SECRETS.big}\n`.repeat(50_000)));
  await Promise.all(
    HOSTS.map((name) =>
      onHost(
        name,
        `rm -rf /srv/vault; mkdir -p /srv/vault; printf 'user = app\\npassword = ${OLD_PASSWORD}\\n' > /srv/vault/app.conf; chmod 600 /srv/vault/app.conf`,
      ),
    ),
  );
});

afterAll(async () => {
  await Promise.all(
    HOSTS.map((name) =>
      onHost(
        name,
        `${NO_SPY}; rm -rf /srv/vault; userdel -rf vaulted 2>/dev/null; userdel ${SECRETS.account} 2>/dev/null; true`,
      ),
    ),
  );
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  code: number | null;
  output: string;
}

function plumb(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [PLUMB, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

const keys = (): string[] => ["--vault-id", `prod@${at("pass")}`, "--age-identity", at("identity")];
const run = (...args: string[]): Promise<Ended> =>
  plumb("run", at("site.yml"), "-i", at("hosts.ini"), ...keys(), ...args);

/** Paths with secrets in them, one as a quote has to be written with care; and two that are asked of programs which can't be kept from showing them. */
const PATHS = `
- hosts: all
  become: true
  vars: { at: "/srv/vault/{{ in_name }}" }
  vars_files: [aged.yml]
  tasks:
    - include_vars: included.yml
    - file: { path: "{{ at }}/{{ in_name }}", state: directory, mode: "0750", owner: www-data }
    - copy: { content: "one\\n", dest: "{{ at }}/one-{{ in_name }}", mode: "0640", group: www-data, backup: true }
    - template: { src: plain.hbs, dest: "{{ at }}/{{ inline }}" }
    - file: { path: "{{ at }}/link-{{ in_name }}", src: "{{ at }}/{{ inline }}", state: link }
    - file: { path: "{{ at }}/hard-{{ in_name }}", src: "{{ at }}/{{ inline }}", state: hard }
    - file: { path: "{{ at }}/{{ in_name }}.old", state: absent }
    - lineinfile: { path: "{{ at }}/lines-{{ in_name }}", line: abc, create: true }
    - copy: { src: "{{ at }}/lines-{{ in_name }}", dest: "{{ at }}/copy-{{ in_name }}", remote_src: true }
    - stat: { path: "{{ at }}/one-{{ in_name }}", checksum_algorithm: sha1 }
      register: one
    - slurp: { src: "{{ at }}/one-{{ in_name }}" }
      register: read
    - find: { paths: "{{ at }}" }
      register: listed
    - assert:
        that:
          - one.stat.checksum == "c7059bb19433cc3cabaa6236c83d56668a843dd2"
          - base64_decode(read.content) == "one\\n"
          - size(listed.files) > 3
      when: not ansible_check_mode
    - file: { path: "{{ at }}", owner: www-data, recurse: true }
    - wait_for: { path: /srv/vault/sealed, search_regex: "{{ aged }}", timeout: 5 }
    - group: { name: "{{ account }}" }
    - user: { name: "{{ account }}", group: "{{ account }}", create_home: false, comment: "of {{ account }}" }
    - archive: { path: "{{ at }}", dest: "{{ at }}.tar", format: tar, exclude_path: "{{ at }}/{{ in_name }}" }
      ignore_errors: true
    - mount: { src: tmpfs, path: "{{ at }}/{{ in_name }}", fstype: tmpfs, state: ephemeral }
      ignore_errors: true
`;

/** Before each program a script that writes its arguments down. */
const SPY = `set -e; mkdir -p /usr/local/sbin; : > /run/vault-arguments
printf '#!/bin/sh\n[ -w /run/vault-arguments ] && printf "%%s\\\\0" "\${0##*/}" "$@" >> /run/vault-arguments\nexec "/usr/bin/\${0##*/}" "$@"\n' > /usr/local/sbin/spy-of-vault
chmod 755 /usr/local/sbin/spy-of-vault
for one in base64 cat chgrp chmod chown cp dd df du find grep head install ln ls mkdir mktemp mount mv perl readlink realpath rm sed sha1sum sha256sum stat sync tail tar touch umount wc xargs; do
  ln -s spy-of-vault "/usr/local/sbin/$one"; done`;
const NO_SPY = `find /usr/local/sbin -lname spy-of-vault -delete; rm -f /usr/local/sbin/spy-of-vault /run/vault-arguments`;

/** Every line of every secret, as programs write it. Written anew here: the search must not share its faults with what it searches after. */
const searched = (values: readonly string[]): Map<string, string> => {
  const forms = new Map<string, string>();
  for (const value of values) {
    for (const line of [value, ...value.split("\n")].filter(
      (part) => !part.startsWith("-----") || part.includes("\n"),
    )) {
      const encoded = Buffer.from(line).toString("base64").replace(/=+$/, "");
      const inside = Buffer.from(`x${line}`).toString("base64").slice(3).replace(/.?=+$/, "");
      for (const form of [
        line,
        JSON.stringify(line).slice(1, -1),
        line.replaceAll("'", "'\\''"),
        encoded,
        inside,
      ])
        forms.set(form, line);
    }
  }
  return forms;
};

const found = (text: string, values: readonly string[]): string[] =>
  [...searched(values)]
    .filter(([form]) => text.includes(form))
    .map(
      ([form, line]) =>
        `${line} in: ${text.slice(Math.max(0, text.indexOf(form) - 120), text.indexOf(form) + 40)}`,
    );

/** The arguments of all processes of this machine, those of the lab's hosts among them, seen again and again while something goes on. */
async function argumentsDuring<Result>(
  act: () => Promise<Result>,
): Promise<{ result: Result; seen: string }> {
  const seen = new Set<string>();
  const look = (): void => {
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        seen.add(readFileSync(`/proc/${entry}/cmdline`, "latin1"));
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  const timer = setInterval(look, 50);
  try {
    const result = await act();
    return { result, seen: [...seen].join("\n") };
  } finally {
    clearInterval(timer);
  }
}

describe("what comes out of a vault", () => {
  const everything = [...Object.values(SECRETS), PASSWORD, OLD_PASSWORD];

  test("reaches the hosts, and no output, argument list, temporary file, state or journal", async () => {
    const since = at("since");
    writeFileSync(since, "");
    await Promise.all(HOSTS.map((name) => onHost(name, "touch /run/vault-test-since")));
    const { result, seen } = await argumentsDuring(async () => ({
      check: await run("--check", "--diff", "-vv", "--output", "plain"),
      json: await run("--diff", "-vv", "--output", "json"),
    }));
    const again = await Promise.all(
      ["tty", "junit"].map((format) =>
        run("--diff", "-vv", "--output", format, "--limit", format === "tty" ? "bookworm1" : "trixie1"),
      ),
    );
    expect(result.json.output).toContain('"type":"run-finished"');
    for (const { code, output } of [result.check, result.json, ...again]) {
      expect(code, output).toBe(0);
      expect(output).toContain("********");
      expect(found(output, everything)).toEqual([]);
      for (const value of [SECRETS.whole, `${SECRETS.whole} ${SECRETS.listed}\n`])
        expect(output).not.toContain(createHash("sha256").update(value).digest("hex"));
    }
    // The sampling did see both sides.
    expect(seen).toContain(PLUMB);
    expect(seen).toMatch(/sleep\0?0\.2/);
    expect(found(seen, everything)).toEqual([]);

    const here = execFileSync(
      "sh",
      [
        "-c",
        `find /tmp /var/tmp -path '${folder}' -prune -o -type f -newer '${since}' -size -512k -print0 | xargs -0 -r cat 2>/dev/null || true`,
      ],
      { maxBuffer: 1 << 30, encoding: "latin1" },
    );
    expect(
      found(
        here,
        everything.filter((value) => value !== PASSWORD),
      ),
    ).toEqual([]);
    for (const name of HOSTS) {
      const left = await onHost(
        name,
        // What a file held before is kept beside it for an undo, and as private: see below.
        `find /tmp /var/tmp /var/lib/plumb /run /root /home /var/log -xdev -type f -newer /run/vault-test-since -not -regex '${FORMER_CONTENT}' -exec cat {} + 2>/dev/null; journalctl --no-pager --since -5min -o export`,
      );
      expect(found(left, everything), name).toEqual([]);
      expect(await onHost(name, "stat -c '%a %u' /var/lib/plumb")).toBe("700 0\n");
      const modes = await onHost(
        name,
        "cd /srv/vault && stat -c '%n %a' content sent app.conf sealed lines in-task big assembled open",
      );
      expect(modes).toBe(
        "content 600\nsent 600\napp.conf 600\nsealed 600\nlines 600\nin-task 600\nbig 600\nassembled 600\nopen 644\n",
      );
      const there = await onHost(
        name,
        "cd /srv/vault && cat content sent app.conf sealed lines in-task assembled open as-it-is; head -n 1 big; getent shadow vaulted",
      );
      for (const value of [
        SECRETS.whole,
        SECRETS.listed,
        SECRETS.file,
        SECRETS.template,
        SECRETS.inTask,
        SECRETS.big,
        `${SECRETS.part}\nbehind it\n`,
        "$ANSIBLE_VAULT;1.2;AES256;prod",
        SECRETS.aged,
        SECRETS.hash,
        SECRETS.key,
      ])
        expect(there).toContain(value);
    }
  });

  test("changes nothing in a second run", async () => {
    const { code, output } = await run("--output", "plain", "--detailed-exitcode");
    expect(code, output).toBe(0);
  });

  test("is shown to no program where it stands in a path; and what can't be done so is refused", async () => {
    await Promise.all(HOSTS.map((name) => onHost(name, SPY)));
    const paths = (...args: string[]): Promise<Ended> =>
      plumb("run", at("paths.yml"), "-i", at("hosts.ini"), ...keys(), "--output", "plain", ...args);
    const planned = await plumb(
      "plan",
      at("paths.yml"),
      "-i",
      at("hosts.ini"),
      ...keys(),
      "--out",
      at("plan.json"),
    );
    expect(found(planned.output + readFileSync(at("plan.json"), "utf8"), everything)).toEqual([]);
    const check = await paths("--check", "--diff");
    const first = await paths("--diff");
    const second = await paths();
    const seen = await Promise.all(
      HOSTS.map((name) => onHost(name, `tr '\\0' ' ' < /run/vault-arguments; ${NO_SPY}`)),
    );
    for (const { code, output } of [check, first, second]) {
      expect(code, output).toBe(0);
      expect(found(output, everything)).toEqual([]);
    }
    expect(first.output).toMatch(/archive: .* was not run: a secret stands in a path/);
    expect(first.output).toMatch(/mount: .* was not run: a secret stands in a path/);
    expect(second.output).toContain("nothing to change");
    for (const spied of seen) {
      expect(spied).toContain("perl -e use strict;");
      expect(found(spied, everything)).toEqual([]);
    }
    // The name of a user is public on its host, whoever makes it: what hides it is that nothing else tells of it.
    expect(await onHost("trixie1", `runuser -u nobody -- getent passwd ${SECRETS.account}`)).toContain(
      `of ${SECRETS.account}:`,
    );
    const there = await onHost("trixie1", `cd /srv/vault/${SECRETS.inName} && stat -c '%F %a %U %G' -- *`);
    expect(there.split("\n")).toEqual([
      "regular file 644 www-data root",
      "regular file 644 www-data root",
      "regular file 644 www-data root",
      "regular file 644 www-data root",
      "symbolic link 777 www-data root",
      "regular file 640 www-data www-data",
      "directory 750 www-data root",
      "",
    ]);
  });

  test("is hidden by exec, facts and inventory; and they, ping and run say what is wrong with a password", async () => {
    const exec = await plumb(
      "exec",
      "bookworm1",
      "-i",
      at("hosts.ini"),
      ...keys(),
      "--become",
      "--",
      "cat",
      "/srv/vault/app.conf",
      "/srv/vault/content",
    );
    expect(exec.output).toContain("password = ********");
    expect(found(exec.output, [SECRETS.whole, SECRETS.inline, SECRETS.key])).toEqual([]);
    const shown = await plumb("inventory", "-i", at("hosts.ini"), ...keys(), "--list");
    expect(shown.output).toContain("__ansible_vault");
    expect(found(shown.output, everything)).toEqual([]);
    const wrong = ["--vault-password-file", at("hosts.ini")];
    const attempts = await Promise.all([
      plumb("ping", "all", "-i", at("hosts.ini"), ...wrong),
      plumb("facts", "all", "-i", at("hosts.ini"), ...wrong),
      plumb("exec", "all", "-i", at("hosts.ini"), ...wrong, "--", "true"),
      plumb("inventory", "-i", at("hosts.ini"), ...wrong),
      plumb("run", at("site.yml"), "-i", at("hosts.ini"), ...wrong),
    ]);
    for (const { code, output } of attempts) {
      expect(code, output).toBe(2);
      expect(output).toContain("[vault-wrong-password]");
      expect(output).toMatch(/group_vars\/all\/vault\.yml:1:1/);
    }
  });
});
