import { describe, expect, test } from "vitest";
import { aclEntries } from "../../src/queries/acl-entries.ts";
import { rpmPackage } from "../../src/queries/rpm-package.ts";
import { parsed, RELEASES, replay } from "./recorded.ts";

const answers = (given: readonly { known: boolean }[]): unknown[] =>
  given.map((one) => ("answer" in one ? one.answer : one));

describe.each(RELEASES)("output recorded on %s", (release) => {
  test("RPM: a newer version, a pinned one, another one installed, one that nobody has", () => {
    const options = ["--enablerepo=plumb-test"];
    const given = replay(rpmPackage.kind, release, [
      { spec: "plumb-hello", newest: true, options },
      { spec: "plumb-hello-1.0", newest: false, options: [] },
      { spec: "plumb-hello-2.0-1", newest: false, options },
      { spec: "nope", newest: false, options },
    ]);
    const [one, two] = ["1.0", "2.0"].map((version) => ({
      name: "plumb-hello",
      epoch: 0,
      version,
      release: "1",
      arch: "noarch",
    }));
    expect(answers(given)).toEqual([
      { installed: one, available: [two], other: undefined },
      { installed: one, available: [], other: undefined },
      { installed: undefined, available: [two], other: one },
      { installed: undefined, available: [], other: undefined },
    ]);
  });

  test("access control lists: entries without remarks, what differs below, a path that is not there", () => {
    const given = replay(aclEntries.kind, release, [
      { path: "/srv/acl", below: { entry: "user:daemon:r--", wanted: true } },
      { path: "/srv/acl/d" },
      { path: "/no/such" },
      { path: "/srv/acl", below: { entry: "user:daemon:", wanted: false } },
    ]);
    expect(answers(given)).toMatchObject([
      {
        isDirectory: true,
        entries: expect.arrayContaining(["user:daemon:r--", "default:group:games:rwx"]),
        differing: ["/srv/acl/d", "/srv/acl/a b/c"],
      },
      { isDirectory: false, entries: ["user::rw-", "group::r--", "mask::---", "other::r--"], differing: [] },
      { exists: false },
      { differing: ["/srv/acl", "/srv/acl/a b"] },
    ]);
  });
});

test("a broken database, a missing tool and a list that can't be read are not known", () => {
  const question = { spec: "bash", newest: false, options: [] };
  expect(
    parsed(rpmPackage.kind, [question], "error: db5 error\npackage bash is not installed\n", { exitCode: 4 }),
  ).toEqual([{ known: false, reason: "error: db5 error" }]);
  expect(parsed(rpmPackage.kind, [question], "", { exitCode: 3, stderr: "there is no rpm" })[0]?.known).toBe(
    false,
  );
  expect(parsed(aclEntries.kind, [{ path: "/a" }], "F\nE\n\f", { stderr: "not permitted" })).toEqual([
    { known: false, reason: "not permitted" },
  ]);
});
