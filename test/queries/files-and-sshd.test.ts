import { describe, expect, test } from "vitest";
import { aptPlan } from "../../src/queries/apt-plan.ts";
import { type ArchiveQuestion, archiveState } from "../../src/queries/archive-state.ts";
import { fileDigest } from "../../src/queries/file-digest.ts";
import { type FilesQuestion, foundFiles } from "../../src/queries/found-files.ts";
import { fragments } from "../../src/queries/fragments.ts";
import { gitState } from "../../src/queries/git-state.ts";
import { iptablesRules } from "../../src/queries/iptables-rules.ts";
import { sshdSettings } from "../../src/queries/sshd-settings.ts";
import { rawShell } from "../../src/shell/shell-text.ts";
import { parsed, RELEASES, replay } from "./recorded.ts";

const FILES: FilesQuestion = {
  paths: ["/srv/found"],
  type: "any",
  recurse: true,
  depth: undefined,
  follow: false,
  patterns: [],
  excludes: [],
  hidden: true,
  contains: undefined,
  wholeFile: false,
  checksum: "sha256",
};

const ARCHIVE: ArchiveQuestion = {
  root: "/srv/found/",
  members: ["*.conf", "sub dir"],
  excludes: [],
  dest: "/srv/found/all.tar.gz",
  format: "gz",
  single: false,
};

describe.each(RELEASES)("output recorded on %s", (release) => {
  test("find: names with line ends, links, checksums, what is not there, a pattern that is none", () => {
    const [all, some, bad] = replay(foundFiles.kind, release, [
      FILES,
      { ...FILES, checksum: undefined },
      FILES,
    ]);
    if (all?.known !== true || some?.known !== true) throw new Error("not known");
    expect(all.answer.skipped).toEqual({
      "/srv/nowhere": "is not there",
      "/etc/hostname": "is no directory",
    });
    const files = Object.fromEntries(all.answer.files.map((file) => [file.path, file]));
    expect(files["/srv/found/link"]).toMatchObject({
      type: "l",
      target: "a.conf",
      size: 6,
      mtime: 1_767_225_600,
    });
    expect(files["/srv/found/sub dir/c\nd"]).toMatchObject({
      type: "f",
      owner: "root",
      mode: "0644",
      checksum: "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6",
    });
    expect(files["/srv/found/xx"]).toBeUndefined();
    expect(files["/srv/found/.b ü.conf"]).toBeUndefined();
    expect(all.answer.examined).toBe(6);
    expect(some.answer.files.map(({ path }) => path)).toEqual(["/srv/found/a.conf"]);
    expect(bad).toMatchObject({
      known: false,
      reason: expect.stringContaining("no regular expression of grep's"),
    });
  });

  test("parts of a directory: contents as bytes, hidden ones too; no directory, and a file in its place", () => {
    const [there, nothing, absent, file] = replay(fragments.kind, release, [
      "/srv/found",
      undefined,
      "/srv/nowhere",
      "/etc/hostname",
    ]);
    if (there?.known !== true) throw new Error("not known");
    const found = [...(there.answer.files ?? [])].map(([name, content]) => [name, content.toString()]);
    expect(Object.fromEntries(found)).toMatchObject({
      "a.conf": "password\n",
      ".b ü.conf": "b\n",
      link: "password\n",
      xx: "",
    });
    expect([nothing, absent]).toEqual(Array(2).fill({ known: true, answer: { files: undefined } }));
    expect(file).toMatchObject({ known: false });
  });

  test("sshd: what counts, keywords that stand several times, the folder for drop-ins", () => {
    const [found] = replay(sshdSettings.kind, release, ["own"]);
    if (found?.known !== true) throw new Error("not known");
    const { effective, readsDropIns, unconfirmed } = found.answer;
    expect(readsDropIns).toBe(true);
    expect(unconfirmed).toBe(false);
    expect(effective?.get("port")).toEqual(["22"]);
    expect(effective?.get("hostkey")?.length).toBeGreaterThan(1);
    expect(effective?.get("permitrootlogin")).toEqual(["without-password"]);
  });

  test("archives: what would go into one, and what one holds", () => {
    const [some, none] = replay(archiveState.kind, release, [ARCHIVE, { ...ARCHIVE, root: "/srv/nowhere/" }]);
    expect(some).toMatchObject({
      known: true,
      answer: { members: ["a.conf", "sub dir"], wanted: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(none).toEqual({ known: true, answer: { members: [], wanted: undefined, has: undefined } });
  });

  test("digests", () => {
    const answers = replay(fileDigest.kind, release, [
      { path: "/srv/found/a.conf", algorithm: "md5" },
      undefined,
      { path: "/srv/nowhere", algorithm: "sha1" },
    ]);
    expect(answers).toEqual(
      ["286755fad04869ca523320acce0dc6a4", undefined, undefined].map((digest) => ({
        known: true,
        answer: { digest },
      })),
    );
  });
});

test("what apt would do: install, bring up to date, remove", () => {
  const text =
    "\0dist-upgrade\nReading package lists...\nRemv old [1.0-1]\nInst tool [1.0] (2.0~rc1 Debian:12.9/stable [amd64]) [dep:amd64 ]\nInst new (3:1.2-1 Debian:12.9/stable [all])\nConf tool (2.0~rc1 Debian:12.9/stable [amd64])\n";
  expect(parsed(aptPlan.kind, ["dist-upgrade", undefined], text)).toEqual([
    {
      known: true,
      answer: {
        planned: [
          { name: "old", before: "1.0-1", after: undefined },
          { name: "tool", before: "1.0", after: "2.0~rc1" },
          { name: "new", before: undefined, after: "3:1.2-1" },
        ],
      },
    },
    { known: true, answer: { planned: [] } },
  ]);
  expect(parsed(aptPlan.kind, ["upgrade"], "", { exitCode: 100, stderr: "E: broken" })).toEqual([
    { known: false, reason: "E: broken" },
  ]);
});

test("iptables: the translation, the kernel's listing with handles and policies, and a rule without words", () => {
  const question = {
    family: "ip" as const,
    table: "filter" as const,
    chain: "INPUT",
    rule: ["-j", "ACCEPT"],
    mark: "m",
  };
  const listing =
    'table ip plumb_filter { # handle 1\n\tchain INPUT { # handle 1\n\t\ttype filter hook input priority filter; policy drop;\n\t\tip saddr 10.0.0.0/8 tcp dport 22 ct state new counter accept comment "plumb:m x" # handle 2\n\t\ttcp dport 443 counter drop # handle 3\n\t}\n\n\tchain own { # handle 4\n\t}\n}\n';
  const answer = (translated: string): string =>
    `\0Q\0nft\ntranslate\n\0T\0${translated}\n\0T\0\0T\0${listing}\0T\0kept text\n`;
  const [good] = parsed(
    iptablesRules.kind,
    [question],
    answer("nft 'add rule ip filter INPUT ip saddr 10.0.0.0/8 counter accept'"),
  );
  expect(good).toMatchObject({
    known: true,
    answer: {
      translation: { expression: "ip saddr 10.0.0.0/8 counter accept" },
      kept: "kept text",
      rules: [
        {
          chain: "INPUT",
          handle: 2,
          text: 'ip saddr 10.0.0.0/8 tcp dport 22 ct state new counter accept comment "plumb:m x"',
        },
        { chain: "INPUT", handle: 3, text: "tcp dport 443 counter drop" },
      ],
      chains: new Map([
        ["INPUT", "drop"],
        ["own", ""],
      ]),
    },
  });
  for (const refused of [
    "nft # -A INPUT -m foo -j X",
    "iptables-translate v1.8.9 (nf_tables): Couldn't load match `foo'",
  ])
    expect(parsed(iptablesRules.kind, [question], answer(refused))[0]).toMatchObject({
      known: true,
      answer: { translation: { refusal: refused } },
    });
});

test("git: a copy with files changed by hand, what the repository has, and a host without git", () => {
  const question = {
    dest: "/srv/copy",
    repository: "/srv/repo",
    version: "v1",
    remote: "origin",
    askRemote: true,
    program: "git",
    setup: rawShell(""),
  };
  const [head, tag, commit] = ["a", "b", "c"].map((letter) => letter.repeat(40));
  const text = `\0Q\0at\0repository\0head\0${head}\0branch\0main\0url\0/srv/repo\0local\0\0modified\0 M file ü\n?? x\n\0submodules\0+${tag} lib/one (v2)\n ${tag} lib/two (v1)\n\0remote\0${head}\tHEAD\n${tag}\trefs/tags/v1\n${commit}\trefs/tags/v1^{}\0\0Z\0\0Q\0none\0\0\0Z\0`;
  const [copy, none] = parsed(gitState.kind, [question, question], text);
  expect(copy).toMatchObject({
    known: true,
    answer: {
      hasGit: true,
      at: "repository",
      head,
      branch: "main",
      modified: ["file ü", "x"],
      submodules: ["lib/one"],
      local: undefined,
      remote: { head, branch: undefined, tag: commit },
    },
  });
  expect(none).toMatchObject({ known: true, answer: { hasGit: false } });
});
