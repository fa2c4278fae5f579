import { describe, expect, test } from "vitest";
import { alternativeState } from "../../src/queries/alternative-state.ts";
import { debconfValue } from "../../src/queries/debconf-value.ts";
import { getentEntries } from "../../src/queries/getent-entries.ts";
import { homeFile } from "../../src/queries/home-file.ts";
import { installedPackages } from "../../src/queries/installed-packages.ts";
import { kernelModule } from "../../src/queries/kernel-module.ts";
import { localeState } from "../../src/queries/locale-state.ts";
import { serviceStates } from "../../src/queries/service-states.ts";
import { parsed, RELEASES, replay } from "./recorded.ts";

const answers = (given: readonly { known: boolean }[]): unknown[] =>
  given.map((one) => ("answer" in one ? one.answer : one));

describe.each(RELEASES)("output recorded on %s", (release) => {
  test("services: what runs, what is masked, what a unit only mentions, templates", () => {
    const [found] = replay(serviceStates.kind, release, ["all"]);
    if (found?.known !== true) throw new Error("not known");
    expect(Object.fromEntries(found.answer)).toMatchObject({
      "ssh.service": { state: "running", status: "enabled" },
      "nftables.service": { state: "inactive", status: "disabled" },
      "apt-daily.service": { state: "inactive", status: "masked" },
      "auditd.service": { state: "stopped", status: "not-found" },
      "getty@.service": { state: "unknown", status: "enabled" },
    });
  });

  test("packages of dpkg, and of an rpm without any", () => {
    const [apt, rpm] = answers(replay(installedPackages.kind, release, ["apt", "rpm"]));
    expect(apt).toContainEqual({
      name: "openssh-server",
      version: expect.stringMatching(/^1:/),
      arch: "amd64",
      source: "apt",
      category: "net",
    });
    expect(rpm).toEqual([]);
  });

  test("getent: an entry, a key that is not there, a database that is none", () => {
    const given = replay(
      getentEntries.kind,
      release,
      [
        { database: "passwd", key: "root" },
        { database: "group", key: "no-such" },
        { database: "nope" },
        { database: "services", key: "ssh", service: "files" },
      ],
      { stderr: "Unknown database: nope" },
    );
    expect(answers(given)).toEqual([
      { found: true, lines: ["root:x:0:0:root:/root:/bin/bash"] },
      { found: false },
      { known: false, reason: "Unknown database: nope" },
      { found: true, lines: [expect.stringMatching(/^ssh +22\/tcp/)] },
    ]);
  });

  test("locales: one that can be made, one that is built in, one that nobody knows", () => {
    expect(
      answers(replay(localeState.kind, release, ["de_DE.UTF-8", "C.UTF-8", "xx_XX.UTF-8", "de_DE"])),
    ).toEqual([
      { canGenerate: true, generated: false, supported: "de_DE.UTF-8 UTF-8" },
      { canGenerate: true, generated: true, supported: "C.UTF-8 UTF-8" },
      { canGenerate: true, generated: false, supported: undefined },
      { canGenerate: true, generated: false, supported: "de_DE ISO-8859-1" },
    ]);
  });

  test("a kernel that loads no modules", () => {
    expect(answers(replay(kernelModule.kind, release, ["loop", "no-such"]))).toEqual([
      "unsupported",
      "unsupported",
    ]);
  });

  test("alternatives: choices with the links that go along, and a group that is not there", () => {
    expect(answers(replay(alternativeState.kind, release, ["awk", "no-such-group", "pager"]))).toEqual([
      {
        exists: true,
        link: "/usr/bin/awk",
        slaveLinks: new Map([
          ["awk.1.gz", "/usr/share/man/man1/awk.1.gz"],
          ["nawk", "/usr/bin/nawk"],
          ["nawk.1.gz", "/usr/share/man/man1/nawk.1.gz"],
        ]),
        mode: "auto",
        value: "/usr/bin/mawk",
        alternatives: [
          {
            path: "/usr/bin/mawk",
            priority: 5,
            slaves: new Map([
              ["awk.1.gz", "/usr/share/man/man1/mawk.1.gz"],
              ["nawk", "/usr/bin/mawk"],
              ["nawk.1.gz", "/usr/share/man/man1/mawk.1.gz"],
            ]),
          },
        ],
      },
      { exists: false },
      expect.objectContaining({ value: "/bin/more" }),
    ]);
  });

  test("debconf: an answer that nobody has been asked for, and a question that is not there", () => {
    expect(
      answers(replay(debconfValue.kind, release, ["debconf/priority", "no/such"], { exitCode: 10 })),
    ).toEqual([{ exists: true, value: "high", seen: false }, { exists: false }]);
  });
});

describe("what could not be found out is not known", () => {
  test("a listing that broke off", () => {
    expect(parsed(installedPackages.kind, ["apt"], "apt\tinstalled\tdpkg\t1\tamd64\tadmin\n")).toEqual([
      { known: false, reason: "exit 0" },
    ]);
    expect(parsed(serviceStates.kind, ["all"], "", { exitCode: 1, stderr: "no bus" })).toEqual([
      { known: false, reason: "no bus" },
    ]);
  });

  test("a debconf database that somebody else has locked", () => {
    const stderr = 'debconf: DbDriver "config": config.dat is locked by another process';
    expect(parsed(debconfValue.kind, ["a/b"], "", { exitCode: 1, stderr })).toEqual([
      { known: false, reason: `debconf-communicate: ${stderr}` },
    ]);
  });

  test("a host without modprobe, and one whose file can't be read", () => {
    expect(parsed(kernelModule.kind, ["loop"], "no-modprobe\n")[0]?.known).toBe(false);
    expect(parsed(homeFile.kind, ["~/x"], "/root/x\0\0O\0")).toEqual([
      { known: false, reason: "/root/x is no file" },
    ]);
    expect(
      parsed(homeFile.kind, ["~/x", "/y"], "/root/x\0\0A\0/y\0YQ==\0F\0").map(({ known }) => known),
    ).toEqual([true, true]);
  });
});
