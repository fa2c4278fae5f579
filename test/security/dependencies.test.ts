import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Locked {
  version: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  hasInstallScript?: boolean;
  link?: boolean;
}

const read = (file: string): Record<string, unknown> =>
  JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
const lock = Object.entries(read("package-lock.json")["packages"] as Record<string, Locked>).filter(
  ([name]) => name !== "",
);
const own = read("package.json");

/** Licences that the Apache License goes together with; of tools that are not shipped the Mozilla one too. */
const LICENCES = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "Unlicense",
  "MIT OR Apache-2.0",
]);
/** They say so in a file, and not in the field: MIT, each of them. */
const SAY_ELSEWHERE = new Set(["node_modules/ssh2", "node_modules/cpu-features", "node_modules/buildcheck"]);

test("every package is locked to one version, from the registry, by a hash of what is in it", () => {
  expect(lock.length).toBeGreaterThan(100);
  // Without `resolved` it comes from the registry that npm is set to; with one it could come from anywhere.
  for (const [name, { resolved, integrity = "", link }] of lock)
    expect([name, resolved, link, integrity.startsWith("sha512-")]).toEqual([
      name,
      undefined,
      undefined,
      true,
    ]);
  for (const kind of ["dependencies", "devDependencies"])
    for (const [name, version] of Object.entries(own[kind] as Record<string, string>))
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
});

test("no package runs anything when it is installed", () => {
  const scripts = lock
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([name]) => name.replace("node_modules/", ""));
  expect(own["allowScripts"]).toEqual(Object.fromEntries(scripts.map((name) => [name, false]).reverse()));
  expect(readFileSync(".npmrc", "utf8")).toMatch(/^ignore-scripts=true$/m);
});

test("every licence is one that this project may be shipped with", () => {
  for (const [name, { license, dev }] of lock) {
    const isFine =
      SAY_ELSEWHERE.has(name) || LICENCES.has(license ?? "") || (dev === true && license === "MPL-2.0");
    expect([name, license, isFine]).toEqual([name, license, true]);
  }
});
