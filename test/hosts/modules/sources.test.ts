import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import type { TaskFinished } from "../../../src/converge/event.ts";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost } from "../lab-hosts.ts";
import { keepTheirPromises, type Promised } from "./promise.ts";

/** Modules that bring files from elsewhere: git, unarchive, archive, get_url. */

const run = promisify(execFile);
const HOSTS = ["bookworm1", "trixie1"] as const;

/** A web server on each host that asks for a header, and counts nothing. */
const SERVER = String.raw`use IO::Socket::INET; $SIG{PIPE} = "IGNORE"; my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 8099, Listen => 5, ReuseAddr => 1) or die; while (my $c = $s->accept) { my $r = <$c>; my $ok = 0; while (my $l = <$c>) { $ok = 1 if $l =~ /^authorization: Bearer s3cr3t-t0ken/i; last if $l =~ /^\r?\n$/ } my ($p) = $r =~ m{^GET (\S+)}; my $b = ""; if (open(my $f, "<", "/srv/web$p")) { local $/; $b = <$f> } my $code = $p =~ /private/ && !$ok ? "403 Forbidden" : -f "/srv/web$p" ? "200 OK" : "404 Not Found"; print $c "HTTP/1.1 $code\r\nContent-Length: " . length($b) . "\r\nConnection: close\r\n\r\n$b"; close $c }`;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  const files = path.join(folder, "files");
  const tree = path.join(folder, "tree");
  await mkdir(path.join(tree, "bin"), { recursive: true });
  await mkdir(files, { recursive: true });
  await writeFile(path.join(tree, "bin", "tool"), "#!/bin/sh\necho tool\n", { mode: 0o755 });
  await writeFile(path.join(tree, "read me ü"), "text\n");
  await run("ln", ["-s", "bin/tool", path.join(tree, "link")]);
  await run("tar", ["-czf", path.join(files, "app.tar.gz"), "-C", tree, "."]);
  await run("tar", [
    "-cf",
    path.join(files, "climbs.tar"),
    "--transform",
    "s:^:../../:",
    "-P",
    "-C",
    tree,
    "read me ü",
  ]);
  await run("tar", [
    "-cf",
    path.join(files, "absolute.tar"),
    "--transform",
    "s:^:/srv/:",
    "-P",
    "-C",
    tree,
    "read me ü",
  ]);
  await run("ln", ["-s", "../../..", path.join(folder, "-out")]);
  await run("tar", ["-cf", path.join(files, "linked.tar"), "-C", folder, "--", "-out"]);
  // As it is written it stays inside; where the first link leads, it does not.
  const links = path.join(folder, "links");
  await mkdir(path.join(links, "deep"), { recursive: true });
  await run("ln", ["-s", "..", path.join(links, "deep", "up")]);
  await run("ln", ["-s", "deep/up/../x", path.join(links, "by a link ü\n->")]);
  await run("tar", ["-cf", path.join(files, "through.tar"), "-C", links, "."]);
  await run("tar", ["-cf", path.join(files, "device.tar"), "-C", "/dev", "null"]);
  await run("dd", ["if=/dev/zero", `of=${path.join(folder, "zeros")}`, "bs=1M", "count=65", "status=none"]);
  await run("tar", ["-cf", path.join(files, "large.tar"), "-C", folder, "zeros"]);
  await writeFile(
    path.join(files, "damaged.tar.gz"),
    (await readFile(path.join(files, "app.tar.gz"))).subarray(0, 120),
  );
  await Promise.all(
    HOSTS.map((host) =>
      onHost(
        host,
        `${havePackages("git", "curl", "zip", "unzip", "xz-utils", "bzip2", "zstd")}; mkdir -p /srv/web; echo public > /srv/web/file.txt; echo private > /srv/web/private.txt; printf %s '${SERVER.replaceAll("'", "'\\''")}' > /srv/server.pl; systemd-run --quiet --collect --unit=webserver perl /srv/server.pl; export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t; git init -q -b main /srv/repo && cd /srv/repo && echo one > file && git add . && git commit -qm one && git tag v1 && echo two > file && git commit -qam two`,
      ),
    ),
  );
}, 300_000);

/** Name, what takes it apart and what makes it, independent of Plumb. */
const FORMATS = [
  ["tar", "cat", "cat"],
  ["gz", "zcat", "gzip"],
  ["bz2", "bzcat", "bzip2"],
  ["xz", "xzcat", "xz"],
  ["zst", "zstdcat", "zstd -q"],
] as const;

const CASES: readonly Promised[] = [
  {
    module: "unarchive",
    tasks: "- unarchive: {src: app.tar.gz, dest: /opt/app, owner: daemon, group: games}",
    before: "mkdir -p /opt/app",
    holds:
      '[ "$(/opt/app/link)" = tool ] && [ "$(stat -c \'%U %G %a\' /opt/app/bin/tool)" = \'daemon games 755\' ] && [ "$(cat \'/opt/app/read me ü\')" = text ] && [ -z "$(ls -d /opt/app/.plumb*)" ]',
    drift: "echo more >> /opt/app/bin/tool; chmod 700 '/opt/app/read me ü'",
    after: "rm -r /opt/app",
  },
  {
    module: "unarchive",
    tasks:
      "- unarchive: {src: /srv/app.zip, dest: /opt/zip, remote_src: true, exclude: ['*.txt'], mode: '0700'}",
    before:
      "mkdir -p /opt/zip /tmp/z/d && cd /tmp/z && echo a > d/a && echo b > b.txt && rm -f /srv/app.zip && zip -qr /srv/app.zip . && rm -r /tmp/z",
    holds: '[ "$(stat -c %a /opt/zip/d/a)" = 700 ] && [ ! -e /opt/zip/b.txt ]',
    drift: "rm -r /opt/zip/d",
    after: "rm -r /opt/zip /srv/app.zip",
  },
  {
    module: "archive",
    tasks:
      "- archive: {path: [/srv/pack/one, /srv/pack/two*], dest: /srv/pack.tar.xz, format: xz, exclusion_patterns: ['*.tmp'], mode: '0640', group: games}",
    before:
      "mkdir -p /srv/pack/one; cd /srv/pack; echo a > one/a; echo x > one/b.tmp; echo b > 'two ü'; touch three",
    holds:
      "tar --list -f /srv/pack.tar.xz --quoting-style=literal | sort | tr '\\n' ' ' | grep -qx 'one/ one/a two ü ' && [ \"$(stat -c '%a %G' /srv/pack.tar.xz)\" = '640 games' ]",
    drift: "echo more >> /srv/pack.tar.xz",
    undo: { tasks: "- file: {path: /srv/pack.tar.xz, state: absent}", gone: "[ ! -e /srv/pack.tar.xz ]" },
    after: "rm -r /srv/pack",
  },
  {
    module: "archive",
    tasks: "- archive: {path: /srv/alone.txt}",
    before: "echo alone > /srv/alone.txt",
    holds: '[ "$(zcat /srv/alone.txt.gz)" = alone ] && [ "$(stat -c %a /srv/alone.txt.gz)" = 600 ]',
    drift: "echo x | gzip > /srv/alone.txt.gz",
    after: "rm /srv/alone.txt*",
  },
  {
    module: "get_url",
    tasks: `- get_url: {url: 'http://127.0.0.1:8099/file.txt', dest: /srv/got.txt, checksum: 'sha256:${sha256("public\n")}', mode: '0640', owner: daemon}`,
    holds: "[ \"$(cat /srv/got.txt)\" = public ] && [ \"$(stat -c '%a %U' /srv/got.txt)\" = '640 daemon' ]",
    drift: "echo other > /srv/got.txt",
    after: "rm /srv/got.txt",
  },
  {
    module: "git",
    tasks: "- git: {repo: 'file:///srv/repo', dest: /opt/copy, version: main, force: true}",
    holds: '[ "$(cat /opt/copy/file)" = two ] && [ "$(git -C /opt/copy symbolic-ref --short HEAD)" = main ]',
    drift: "git -C /opt/copy checkout -q v1; echo three > /opt/copy/file",
    after: "rm -r /opt/copy",
  },
  ...FORMATS.map(([format, unpack]) => ({
    module: `archive as ${format}`,
    tasks: `- archive: {path: /srv/of-${format}/, dest: /srv/as.${format}, format: ${format}}`,
    before: `mkdir -p /srv/of-${format}/deep; echo "as ${format}" > /srv/of-${format}/deep/ü`,
    holds: `${unpack} /srv/as.${format} | tar -x -O -f - --quoting-style=literal | grep -qx "as ${format}"`,
    drift: `echo changed >> /srv/of-${format}/deep/ü; echo "as ${format}" > /srv/of-${format}/deep/ü; rm /srv/as.${format}; tar -cf /srv/as.${format} -C /srv of-${format}`,
    after: `rm -r /srv/of-${format} /srv/as.${format}`,
  })),
  ...FORMATS.map(([format, , pack]) => ({
    module: `unarchive of ${format}`,
    tasks: `- unarchive: {src: /srv/given.${format}, dest: /opt/given-${format}, remote_src: true}`,
    before: `mkdir -p /opt/given-${format} /srv/given-${format}/deep && echo "given ${format}" > /srv/given-${format}/deep/ü && tar -cf - -C /srv/given-${format} . | ${pack} > /srv/given.${format}`,
    holds: `grep -qx "given ${format}" /opt/given-${format}/deep/ü`,
    drift: `echo x > /opt/given-${format}/deep/ü`,
    after: `rm -r /opt/given-${format} /srv/given.${format} /srv/given-${format}`,
  })),
  {
    module: "git",
    tasks: "- git: {repo: 'file:///srv/repo', dest: /opt/tagged, version: v1, depth: 1}",
    before: "mkdir -m 0750 /opt/tagged",
    holds: '[ "$(cat /opt/tagged/file)" = one ] && [ "$(stat -c %a /opt/tagged)" = 750 ]',
    drift: "cd /opt/tagged && git fetch -q origin main && git checkout -q FETCH_HEAD",
    after: "rm -r /opt/tagged",
  },
];

describe("what comes from elsewhere", () => {
  test("keeps its promise, whatever the module", () => keepTheirPromises(CASES, folder), 300_000);

  test.each([
    ["climbs.tar", /leads out of the directory/],
    ["absolute.tar", /leads out of the directory/],
    ["linked.tar", /a link that leads out of the directory: -out -> /],
    ["through.tar", /a link that leads out of the directory: by a link/],
    ["device.tar", /has a device: null/],
    ["damaged.tar.gz", /damaged/],
  ] as const)("unarchive refuses %s, and puts nothing in place; check mode says so", async (src, message) => {
    const tasks = `- unarchive: {src: ${src}, dest: /opt/deep/er}`;
    await Promise.all(HOSTS.map((host) => onHost(host, "mkdir -p /opt/deep/er; touch /tmp/before")));
    for (const options of [{ check: true, hosts: [...HOSTS] }, { hosts: [...HOSTS] }]) {
      const ended = await runTasks(tasks, options, folder);
      expect(ended.tasks).toHaveLength(HOSTS.length);
      for (const task of ended.tasks)
        expect(task).toMatchObject({ status: "failed", message: expect.stringMatching(message) });
    }
    for (const host of HOSTS)
      await onHost(
        host,
        '[ -z "$(find /opt /srv -newer /tmp/before -name \'read me*\')" ] && [ -z "$(ls -A /opt/deep/er)" ] && rm -r /opt/deep',
      );
  });

  test("check mode looks at links in a zip too, leaves out what is excluded, and says what it does not look at", async () => {
    await Promise.all(
      HOSTS.map((host) =>
        onHost(
          host,
          "mkdir -p /opt/zips /srv/zips/in && cd /srv/zips && ln -s ../.. out && ln -s in good && echo x > in/x && rm -f ../out.zip && zip -qry ../out.zip .",
        ),
      ),
    );
    const zip = (more: string): string =>
      `- unarchive: {src: /srv/out.zip, remote_src: true, dest: /opt/zips${more}}`;
    const told = async (tasks: string, check: boolean) => {
      const { tasks: ended, events } = await runTasks(tasks, { check, hosts: [...HOSTS] }, folder);
      const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
      const outcomes = ended.map(({ status, message }) => `${status} ${message ?? ""}`);
      return [...new Set([...outcomes, ...warnings.map((text) => text.replace(/^\w+: /, ""))])];
    };
    for (const check of [true, false])
      expect(await told(zip(""), check)).toEqual([
        expect.stringMatching(/^failed .*a link that leads out of the directory: out -> \.\.\/\.\./),
      ]);
    for (const check of [true, false])
      expect(await told(zip(", exclude: [out]"), check)).toEqual([
        expect.stringMatching(/^(would-change|changed) /),
      ]);
    expect(await told(zip(", include: ['in/*']"), true)).toEqual([
      expect.stringMatching(/^would-change/),
      expect.stringContaining("are looked at when it is unpacked"),
    ]);
    expect(await told("- unarchive: {src: large.tar, dest: /opt/zips}", true)).toEqual([
      expect.stringMatching(/^would-change/),
      expect.stringContaining("is not sent only to be looked through"),
    ]);
    await Promise.all(HOSTS.map((host) => onHost(host, "rm -r /opt/zips /srv/zips /srv/out.zip")));
  });

  test("unarchive does not follow a link of the destination that leads out of it", async () => {
    await onHost("bookworm1", "mkdir -p /opt/trap /srv/elsewhere; ln -s /srv/elsewhere /opt/trap/bin");
    const { tasks } = await runTasks("- unarchive: {src: app.tar.gz, dest: /opt/trap}", {}, folder);
    expect(tasks[0]?.message).toContain("/opt/trap/bin is in the way");
    await onHost(
      "bookworm1",
      '[ -z "$(ls -A /srv/elsewhere)" ] && [ "$(ls /opt/trap)" = bin ] && rm -r /opt/trap /srv/elsewhere',
    );
  });

  test("a second run of unarchive sends no archive, and archive removes its sources once", async () => {
    await onHost("trixie1", "mkdir -p /opt/app /srv/gone/x; echo a > /srv/gone/x/a");
    const tasks =
      "- unarchive: {src: app.tar.gz, dest: /opt/app}\n- archive: {path: /srv/gone/x/, dest: /srv/gone/x.tgz, remove: true}";
    const options = { hosts: ["trixie1"] };
    expect((await runTasks(tasks, options, folder)).statuses).toEqual([
      "changed unarchive",
      "changed archive",
    ]);
    expect((await runTasks(tasks, options, folder)).statuses).toEqual(["ok unarchive", "ok archive"]);
    await onHost(
      "trixie1",
      "[ ! -e /srv/gone/x ] && tar -tf /srv/gone/x.tgz | grep -qx ./a && rm -r /opt/app /srv/gone",
    );
  });

  test.each(HOSTS)(
    "get_url takes a secret header by curl and through the controller, and tells it to nobody, on %s",
    async (host) => {
      const token = "Bearer s3cr3t-t0ken";
      const tasks = `
- get_url: {url: 'http://127.0.0.1:8099/private.txt', dest: /srv/web/, force: true, headers: {Authorization: '${token}'}}
- get_url: {url: 'http://127.0.0.1:8099/private.txt', dest: /srv/private.txt, force: true, headers: {Authorization: '${token}'}, mode: '0600'}
- get_url: {url: 'http://127.0.0.1:8099/private.txt', dest: /srv/refused.txt}
  ignore_errors: true
- get_url: {url: 'http://127.0.0.1:8099/file.txt', dest: /srv/wrong.txt, checksum: 'sha1:${"0".repeat(40)}'}
  ignore_errors: true
`.trim();
      for (const curl of ["there", "away"]) {
        if (curl === "away") await onHost(host, "mv /usr/bin/curl /usr/bin/curl.away; rm /srv/private.txt");
        const watching = onHost(
          host,
          "for i in $(seq 60); do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -a -o 's3cr3t[-]t0ken'; sleep 0.02; done; true",
        );
        const { tasks: done, events } = await runTasks(tasks, { hosts: [host] });
        expect(done.map(({ status }) => status)).toEqual(["ok", "changed", "ignored", "ignored"]);
        expect(done[2]?.message).toContain("403");
        expect(done[3]?.message).toContain("another than it should be");
        expect(JSON.stringify(events)).not.toContain("s3cr3t-t0ken");
        expect(await watching).toBe("");
        await onHost(
          host,
          '[ "$(cat /srv/private.txt)" = private ] && [ "$(stat -c %a /srv/private.txt)" = 600 ] && [ ! -e /srv/refused.txt ] && [ ! -e /srv/wrong.txt ] && [ -z "$(ls -d /srv/.plumb*)" ]',
        );
      }
      await onHost(host, "mv /usr/bin/curl.away /usr/bin/curl; rm /srv/private.txt");
    },
  );

  test.each(HOSTS)(
    "get_url asks the server in check mode, by curl and through the controller, and promises nothing that it would not give, on %s",
    async (host) => {
      const refused = `
- get_url: {url: 'http://127.0.0.1:8099/gone.txt', dest: /srv/checked.txt}
  ignore_errors: true
- get_url: {url: 'http://127.0.0.1:8099/private.txt', dest: /srv/web/file.txt, force: true}
  ignore_errors: true
- get_url: {url: 'http://127.0.0.1:9/file.txt', dest: /srv/checked.txt}
  ignore_errors: true
`.trim();
      const others = `
- get_url: {url: 'http://127.0.0.1:8099/file.txt', dest: /srv/checked.txt, owner: nobody-at-all}
  ignore_errors: true
- get_url: {url: 'http://127.0.0.1:8099/file.txt', dest: /srv/web/file.txt, force: true}
- get_url: {url: 'http://127.0.0.1:8099/file.txt', dest: /srv/checked.txt}
`.trim();
      const said = (done: readonly TaskFinished[]): string[] =>
        done.map(({ status, message }) => `${status} ${message.replace(/ after \d+ ms/, "")}`);
      for (const curl of ["there", "away"]) {
        if (curl === "away") await onHost(host, "mv /usr/bin/curl /usr/bin/curl.away");
        const checked = await runTasks(`${refused}\n${others}`, { hosts: [host], check: true });
        const ran = await runTasks(refused, { hosts: [host] });
        expect(said(checked.tasks)).toEqual([
          ...said(ran.tasks),
          expect.stringMatching(/^ignored .*invalid user/),
          expect.stringMatching(/^unknown /),
          expect.stringMatching(/^would-change /),
        ]);
        expect(said(ran.tasks)).toEqual([
          expect.stringMatching(/^ignored .*404/),
          expect.stringMatching(/^ignored .*403/),
          expect.stringMatching(/^ignored .*connect/i),
        ]);
        await onHost(host, "[ ! -e /srv/checked.txt ]");
        const behind = `- file: {path: /srv/made, state: touch}\n${refused}`;
        const { tasks: pending, events } = await runTasks(behind, { hosts: [host], check: true });
        expect(pending.map(({ status }) => status)).toEqual([
          "would-change",
          "unknown",
          "unknown",
          "would-change",
        ]);
        expect(events).toContainEqual(
          expect.objectContaining({
            type: "warning",
            message: expect.stringMatching(/^as the host is now.*404/),
          }),
        );
      }
      await onHost(host, "mv /usr/bin/curl.away /usr/bin/curl");
    },
  );

  test("git says what is wrong: no such version, no such repository, files changed by hand", async () => {
    const tasks = `
- git: {repo: /srv/repo, dest: /opt/v, version: v9}
  ignore_errors: true
- git: {repo: /srv/nothing, dest: /opt/v}
  ignore_errors: true
- git: {repo: /srv/repo, dest: /opt/v, version: v1}
- shell: echo by hand > /opt/v/file
- git: {repo: /srv/repo, dest: /opt/v, version: v1}
- git: {repo: /srv/repo, dest: /opt/v, version: main}
  ignore_errors: true
- git: {repo: /srv/repo, dest: /opt/v, version: main, force: true}
- git: {repo: /srv/repo, dest: /opt/bare, bare: true}
- file: {path: /opt/v, state: absent}
- file: {path: /opt/bare, state: absent}
`.trim();
    const { tasks: done, statuses } = await runTasks(tasks);
    expect(statuses).toEqual([
      "ignored git",
      "ignored git",
      "changed git",
      "changed shell",
      "ok git",
      "ignored git",
      "changed git",
      "changed git",
      "changed file",
      "changed file",
    ]);
    expect(done[0]?.message).toContain("neither a branch nor a tag v9");
    expect(done[1]?.message).toContain("could not be asked");
    expect(done[5]?.message).toContain("changed by hand: file");
  });
});
