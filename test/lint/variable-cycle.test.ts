import { expect, test } from "vitest";
import { lintFiles } from "./lint-files.ts";

const SITE =
  '- name: Show\n  hosts: all\n  tasks:\n    - {name: It, debug: {msg: "{{ one }} {{ two }} {{ three }} {{ pair }}"}}\n';
const HOSTS = "all: {hosts: {h1: {}}}\n";
const lintedWith = (variables: string, more = ""): Promise<string[]> =>
  lintFiles({
    "site.yml": SITE,
    "hosts.yml": HOSTS,
    "group_vars/all.yml": `${variables}pair: {a: 1, b: "{{ pair.a }}"}\n`,
    "host_vars/h1.yml": more,
  }).then(({ findings, places }) => places.filter((_, index) => findings[index]?.rule === "variable-cycle"));

test("variables that are made of each other are told of, each where it stands", async () => {
  expect(await lintedWith('one: "{{ two }}"\ntwo: !expr three + 1\nthree: "x{{ one }}"\n')).toEqual([
    "group_vars/all.yml:1:1 variable-cycle",
    "group_vars/all.yml:2:1 variable-cycle",
    "group_vars/all.yml:3:1 variable-cycle",
  ]);
});

test("one of them that is defined elsewhere too may have another value in a run", async () => {
  expect(await lintedWith('one: "{{ two }}"\ntwo: "{{ one }}"\nthree: 3\n', "two: 2\n")).toEqual([]);
});
