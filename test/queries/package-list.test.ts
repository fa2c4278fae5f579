import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import {
  installedVersions,
  LIST_PACKAGES,
  listedPackage,
  packageList,
  sharedVersions,
} from "../../src/queries/package-list.ts";
import { packageState } from "../../src/queries/package-state.ts";
import { pgbouncerVersion } from "../../src/queries/pgbouncer-version.ts";

const SAID = [
  "os.ID=debian",
  "package=dash\t0.5.12-2\tinstalled\tinstall",
  "package=held\t1.0\tinstalled\thold",
  "package=removed\t2.0\tconfig-files\tdeinstall",
  "package=half\t3.0\thalf-configured\tinstall",
  "package=libc6\t2.36\tinstalled\tinstall",
  "package=libc6\t2.36\tinstalled\tinstall",
  "default via 192.0.2.1 dev eth0",
  "",
].join("\n");
const list = packageList(SAID);

test("a package is told from the list where it says enough, and asked for otherwise", () => {
  const stateIn =
    (among: string) =>
    (name: string, candidate = false): unknown =>
      packageState.kind.fromPackages?.({ name, candidate }, packageList(among));
  const state = stateIn(SAID.replace("half-configured", "config-files"));
  const installed = { broken: false, isHostUnfinished: false, leftovers: false, candidate: undefined };
  expect(state("dash")).toEqual({ ...installed, installed: "0.5.12-2", held: false });
  expect(state("held")).toEqual({ ...installed, installed: "1.0", held: true });
  for (const name of ["removed", "half", "libc6", "das", "ash", "os.ID", "missing", ""])
    expect(state(name)).toBeUndefined();
  expect(state("dash", true)).toBeUndefined();
  // Was it Plumb that left one half done? The host says.
  for (const name of ["dash", "half"]) expect(stateIn(SAID)(name)).toBeUndefined();
  expect(packageState.kind.fromPackages?.({ name: "dash" }, packageList("os.ID=alpine\n"))).toBeUndefined();
});

test("PgBouncer's version is that of its package, where that is installed", () => {
  const version = (line: string): unknown =>
    pgbouncerVersion.kind.fromPackages?.("own", packageList(`os.ID=debian\n${line}\n`));
  expect(version("package=pgbouncer\t1.18.0-1\tinstalled\tinstall")).toEqual({
    version: "1.18.0",
    installed: true,
  });
  expect(version("package=pgbouncer\t2:1.25.1-1.pgdg13+1\tinstalled\thold")).toEqual({
    version: "1.25.1",
    installed: true,
  });
  expect(version("package=pgbouncer\t1.18.0-1\tconfig-files\tdeinstall")).toBeUndefined();
  expect(version("package=pgbouncer-doc\t1.18.0-1\tinstalled\tinstall")).toBeUndefined();
});

test("versions are of what is installed, and not of what was removed", () => {
  expect(installedVersions(list)).toEqual({ dash: "0.5.12-2", held: "1.0", half: "3.0", libc6: "2.36" });
  expect(listedPackage(list, "libc6")).toBeUndefined();
});

test("hosts with the same packages share one list and its versions, whatever else they say; nobody can change them for others", () => {
  const other = packageList(SAID.replace("os.ID=debian", "os.ID=ubuntu"));
  expect(installedVersions(other)).toBe(installedVersions(list));
  expect(sharedVersions({ ...installedVersions(list) })).toBe(installedVersions(list));
  expect(Object.isFrozen(installedVersions(list))).toBe(true);
  expect(installedVersions(packageList(SAID.replace("0.5.12-2", "0.5.13-1")))).toEqual({
    ...installedVersions(list),
    dash: "0.5.13-1",
  });
  // More different hosts than are kept together.
  for (let number = 0; number < 100; number++)
    expect(installedVersions(packageList(`x\npackage=p\t${number}\tinstalled\tinstall\n`))).toEqual({
      p: `${number}`,
    });
  expect(installedVersions(list)).toEqual({ dash: "0.5.12-2", held: "1.0", half: "3.0", libc6: "2.36" });
});

test("the list is dpkg's own", () => {
  const { stdout } = spawnSync("sh", ["-c", `echo; ${LIST_PACKAGES.shell}`]);
  const own = packageList(stdout.toString());
  const version = spawnSync("dpkg-query", ["-W", "-f=${Version}", "dash"]).stdout.toString();
  expect(listedPackage(own, "dash")).toEqual({ version, status: "installed", want: "install" });
});
