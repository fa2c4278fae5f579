import { execFileSync } from "node:child_process";
import { chmod, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Inventory, membersOf } from "../../src/inventory/inventory.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { hostsMatching } from "../../src/inventory/pattern.ts";
import { inventoryAsJson, inventoryGraph, variablesOfHost } from "../../src/inventory/show.ts";
import type { ValueMap } from "../../src/variables/value.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
import { readInput } from "../../src/variables/yaml-source.ts";
import { findings, folderWith, inventoryOf } from "./inventory-files.ts";

const shown = (inventory: Inventory, host: string): Promise<ValueMap> =>
  variablesOfHost(inventory, host, new Keyring());

describe("Bad inventories", () => {
  test.each([
    [
      "a group that is its own child",
      "hosts",
      "[a:children]\nb\n[b:children]\na\n[a]\n[b]\n",
      ["inventory-syntax:4"],
    ],
    [
      "a group that is its own child, in YAML",
      "hosts.yml",
      "a:\n  children:\n    b:\n      children:\n        a:\n",
      ["inventory-syntax:3"],
    ],
    [
      "a group that is its own child by two others",
      "hosts",
      "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n",
      ["inventory-syntax:6"],
    ],
    ["a group that is a child of itself", "hosts", "[a:children]\na\n", ["inventory-syntax:2"]],
    [
      "groups of a program that are each other's children",
      "cloud",
      `#!/bin/sh\necho '{"a": {"children": ["b"]}, "b": {"children": ["a"]}}'\n`,
      ["inventory-syntax:1"],
    ],
    ["`all` for a child", "hosts", "[a:children]\nall\n", ["inventory-syntax:2"]],
    ["a variable without a name", "hosts", "[all:vars]\n=1\n", ["inventory-syntax:2"]],
    ["a section without a name", "hosts", "[]\nx\n", ["inventory-syntax:1"]],
    ["a section of variables of nobody", "hosts", "[:vars]\nx=1\n", ["inventory-syntax:1"]],
    ["a file that is no text", "hosts", "\u0000\u0001web\n", ["inventory-syntax:1"]],
    ["two documents in YAML", "hosts.yml", "all: {hosts: {a: }}\n---\nall: {}\n", ["yaml-syntax:2"]],
    ["an alias that leads to itself", "hosts.yml", "all: &x\n  children: {b: *x}\n", ["yaml-syntax:2"]],
    ["text for a mapping in YAML", "hosts.yml", "hello\n", ["inventory-syntax:1"]],
    ["a number for hosts", "hosts.yml", "all: {hosts: 5}\n", ["inventory-syntax:1"]],
    ["a list for the variables of a host", "hosts.yml", "all: {hosts: {a: [1]}}\n", ["inventory-syntax:1"]],
    ["a list for the variables of a group", "hosts.yml", "all: {vars: [x]}\n", ["inventory-syntax:1"]],
    ["a list for children", "hosts.yml", "all: {children: [web]}\n", ["inventory-syntax:1"]],
    ["a host without a name in YAML", "hosts.yml", "all: {hosts: {'': }}\n", ["inventory-syntax:1"]],
    ["JSON that is cut off", "hosts.json", '{"all": {"hosts": ', ["yaml-syntax:1"]],
    ["a program that prints a list", "cloud", "#!/bin/sh\necho '[1]'\n", ["inventory-syntax"]],
    ["a program that prints nothing", "cloud", "#!/bin/sh\n", ["inventory-syntax"]],
    ["a program whose interpreter is not there", "cloud", "#!/no/such/thing\n", ["inventory-syntax"]],
    [
      "a program whose `_meta` is a number",
      "cloud",
      `#!/bin/sh\necho '{"_meta": 5}'\n`,
      ["inventory-syntax"],
    ],
    [
      "a program that gives a host a number for its variables",
      "cloud",
      `#!/bin/sh\necho '{"_meta": {"hostvars": {"a": 5}}, "w": ["a"]}'\n`,
      ["inventory-syntax"],
    ],
    [
      "a program whose hosts are numbers",
      "cloud",
      `#!/bin/sh\necho '{"w": {"hosts": [5, null]}}'\n`,
      ["inventory-syntax"],
    ],
    [
      "a program that fails for a single host",
      "cloud",
      `#!/bin/sh\n[ "$1" = --host ] && exit 1\necho '{"w": {"hosts": ["a"]}}'\n`,
      ["inventory-syntax"],
    ],
    ["a range that ends before it begins", "hosts", "web[3:1]\n", ["inventory-syntax:1"]],
    ["a range with a step of none", "hosts", "web[1:3:0]\n", ["inventory-syntax:1"]],
    ["a range of more hosts than anybody has", "hosts", "web[1:99999999]\n", ["inventory-syntax:1"]],
    ["ranges that multiply to more", "hosts", "web[1:9999][1:9999]\n", ["inventory-syntax:1"]],
    ["a bracket that is not closed", "hosts", "web[1:3\n", ["inventory-syntax:1"]],
    [
      "variables of a group that nothing defines",
      "hosts",
      "[web]\n[wbe:vars]\nx=1\n",
      ["inventory-syntax:2"],
    ],
    ["a child that nothing defines", "hosts", "[web:children]\nwbe\n", ["inventory-syntax:2"]],
    ["a section of no known kind", "hosts", "[web:childs]\n", ["inventory-syntax:1"]],
    ["a quote that is not closed", "hosts", "web1 x='a\n", ["inventory-syntax:1"]],
    [
      "every wrong line at once",
      "hosts",
      "web1 x\n[g:vars]\nnothing\n[g]\nh y\n",
      ["inventory-syntax:1", "inventory-syntax:3", "inventory-syntax:5"],
    ],
    [
      "a priority that is no number",
      "hosts",
      "[g]\n[g:vars]\nansible_group_priority=high\n",
      ["inventory-syntax:3"],
    ],
    ["a list of hosts in YAML", "hosts.yml", "all:\n  hosts:\n    - web1\n", ["inventory-syntax:3"]],
    ["a misspelt key in YAML", "hosts.yml", "all:\n  host:\n    web1:\n", ["unknown-key:2"]],
    ["a group that is text", "hosts.yml", "web: web1\n", ["inventory-syntax:1"]],
    ["YAML that does not parse", "hosts.yml", "all:\n  hosts:\n\tweb1:\n", ["yaml-syntax:3"]],
    ["the same host twice in YAML", "hosts.yml", "all:\n  hosts:\n    a:\n    a:\n", ["yaml-syntax:4"]],
    ["a plugin's configuration", "aws.yml", "plugin: aws_ec2\nregions: []\n", ["inventory-syntax:1"]],
    ["TOML", "hosts.toml", "[all.hosts]\n", ["inventory-syntax"]],
    ["a template that does not parse", "hosts", "web1 x='{{ a | default(1) }}'\n", ["template-syntax:1"]],
    ["a program that fails", "cloud", "#!/bin/sh\nexit 3\n", ["inventory-syntax"]],
    ["a program that prints no JSON", "cloud", "#!/bin/sh\necho hello\n", ["inventory-syntax"]],
    [
      "a program whose hosts are no list",
      "cloud",
      '#!/bin/sh\necho \'{"web": {"hosts": "web1"}}\'\n',
      ["inventory-syntax"],
    ],
  ])("%s", async (_, name, text, codes) => {
    expect(await findings(() => inventoryOf(name, text))).toEqual(codes);
  });

  test("a program that nobody made executable is told of, and not read as a list of hosts", async () => {
    const folder = await folderWith({ cloud: "#!/bin/sh\necho {}\n" });
    await chmod(path.join(folder, "cloud"), 0o644);
    expect(await findings(() => loadInventory([path.join(folder, "cloud")]))).toEqual(["inventory-syntax"]);
  });

  test("what a first run keeps beside an inventory is not read as one", async () => {
    const folder = await folderWith({
      "hosts.yml": "all:\n  hosts:\n    web1:\n",
      "secrets/app": "a-password\n",
      "pki/ca.crt": "-----BEGIN CERTIFICATE-----\n",
      "pki-2/both.crt": "-----BEGIN CERTIFICATE-----\n",
      "pki-2/ca.key": "-----BEGIN PRIVATE KEY-----\n",
      "tls/web1.pem": "-----BEGIN CERTIFICATE-----\n",
      "tls/web1.csr": "-----BEGIN CERTIFICATE REQUEST-----\n",
      "reports/report.json": '{"accepted": true}\n',
    });
    expect([...(await loadInventory([folder])).hosts.keys()]).toEqual(["web1"]);
  });

  test("a folder whose files are all left out is told of", async () => {
    const folder = await folderWith({ "hosts.ini": "web1\n", "README.md": "" });
    expect(await findings(() => loadInventory([folder]))).toEqual(["inventory-syntax"]);
  });

  test("a group that is its own child only in two files together is told of", async () => {
    const folder = await folderWith({ "i/1": "[a:children]\nb\n[b]\n", "i/2": "[b:children]\na\n[a]\n" });
    expect(await findings(() => loadInventory([path.join(folder, "i")]))).toEqual(["inventory-syntax:2"]);
  });

  test("what is wrong in a folder's files and in the variables beside them is told with the file", async () => {
    const bad = await folderWith({ "i/a.yml": "all: {hosts: 5}\n", "i/b": "web1\n" });
    expect(await findings(() => loadInventory([path.join(bad, "i")]))).toEqual(["inventory-syntax:1"]);
  });

  test("a source that is not there is told of", async () => {
    expect(await findings(() => loadInventory(["/nonexistent/hosts"]))).toEqual(["file-not-found"]);
  });

  test.each([
    ["a link that leads nowhere", (place: string) => symlink("gone", place), "file-not-found", "link"],
    ["a pipe", (place: string) => execFileSync("mkfifo", [place]), "file-unreadable", "neither a file"],
    [
      "letters that are not UTF-8",
      (place: string) => writeFile(place, "\xfc\n", "latin1"),
      "file-unreadable:1",
      "UTF-8",
    ],
  ])("%s in a folder of sources is told of with its name", async (_, make, code, said) => {
    const folder = await folderWith({ "a.yml": "all: {hosts: {h1: }}\n" });
    await make(path.join(folder, "hosts"));
    expect(await findings(() => loadInventory([folder]))).toEqual([code]);
    await expect(loadInventory([folder])).rejects.toThrow(said);
  });

  test("a name that is empty, and a folder where a file should be, are told of in words", async () => {
    await expect(loadInventory([""])).rejects.toThrow("the name of an inventory is empty");
    await expect(readInput("/tmp", new Keyring())).rejects.toThrow("/tmp is a folder, and should be a file");
  });

  test("an empty file has no hosts, and is no error", async () => {
    expect((await inventoryOf("hosts", "")).hosts.size).toBe(0);
    expect((await inventoryOf("hosts.yml", "---\n")).hosts.size).toBe(0);
  });
});

describe("Sources", () => {
  test("a list of hosts may have ranges and ports", async () => {
    const inventory = await loadInventory(["web[1:2]:2222, db1,"]);
    expect([...inventory.hosts.keys()]).toEqual(["web1", "web2", "db1"]);
    expect(await shown(inventory, "web2")).toEqual({ ansible_port: 2222 });
  });

  test("YAML that somebody made executable is still read as YAML", async () => {
    const folder = await folderWith({ "hosts.yml": "all:\n  hosts:\n    web1:\n" });
    await chmod(path.join(folder, "hosts.yml"), 0o755);
    expect([...(await loadInventory([path.join(folder, "hosts.yml")])).hosts.keys()]).toEqual(["web1"]);
  });

  test("text with braces from a program is a template, as in any other inventory", async () => {
    const inventory = await inventoryOf(
      "cloud",
      `#!/bin/sh\necho '{"web": {"hosts": ["a"], "vars": {"x": ["{{ y }}"]}}}'\n`,
    );
    const value = inventory.groups.get("web")?.variables.get("x")?.value;
    expect(value?.kind === "list" ? value.items[0]?.kind : value?.kind).toBe("text");
  });

  test("what only begins like a number in YAML is text", async () => {
    const inventory = await inventoryOf("hosts.yml", "all: {hosts: {a: {x: 0x_, y: -0b_, z: 0b_1}}}\n");
    expect(await shown(inventory, "a")).toEqual({ x: "0x_", y: "-0b_", z: 1 });
  });

  test("a number that JavaScript could not hold exactly keeps all its digits, as text", async () => {
    const ini = await inventoryOf("hosts", "web1 id=12345678901234567890\n");
    const yaml = await inventoryOf("hosts.yml", "all: {hosts: {web1: {id: 12345678901234567890}}}\n");
    expect(await shown(ini, "web1")).toEqual({ id: "12345678901234567890" });
    expect(await shown(yaml, "web1")).toEqual({ id: "12345678901234567890" });
  });

  test("a host knows the source that named it first", async () => {
    const folder = await folderWith({ a: "web1\n", b: "web1\nweb2\n" });
    const inventory = await loadInventory([path.join(folder, "a"), path.join(folder, "b")]);
    expect([...inventory.hosts.values()].map(({ source }) => path.basename(source ?? ""))).toEqual([
      "a",
      "b",
    ]);
  });

  test("templates that do not compile are shown as they are written", async () => {
    const folder = await folderWith({
      hosts: "web1 x='{{ a | b }}'\n",
      "group_vars/all.yml": 'y: "{{ c | d }}"\n',
    });
    const inventory = await loadInventory([path.join(folder, "hosts")], { onlyToShow: true });
    expect(await shown(inventory, "web1")).toEqual({ x: "{{ a | b }}", y: "{{ c | d }}" });
  });

  test("with --export variables stay with their groups", async () => {
    const folder = await folderWith({
      hosts: "web1 own=1\n[web]\nweb1\n[web:vars]\nx=1\nansible_group_priority=7\n",
      "group_vars/web.yml": "y: 2\n",
      "host_vars/web1.yml": "z: 3\n",
    });
    const inventory = await loadInventory([path.join(folder, "hosts")]);
    expect(await inventoryAsJson(inventory, { keyring: new Keyring(), export: true })).toEqual({
      _meta: { hostvars: { web1: { own: 1, z: 3 } } },
      all: { children: ["ungrouped", "web"] },
      web: { hosts: ["web1"], vars: { x: 1, y: 2, ansible_group_priority: 7 } },
    });
  });
});

describe("group_vars and host_vars", () => {
  test("a file and a folder of the same name are both read", async () => {
    const folder = await folderWith({
      hosts: "[web]\nweb1\n",
      "group_vars/web/a.yml": "from_folder: 1\nboth: folder\n",
      "group_vars/web.yml": "from_file: 1\nboth: file\n",
      "host_vars/web1": "plain: 1\n",
      "host_vars/web1.json": '{"json": 1}',
    });
    const inventory = await loadInventory([path.join(folder, "hosts")]);
    expect(await shown(inventory, "web1")).toEqual({
      from_folder: 1,
      from_file: 1,
      both: "file",
      plain: 1,
      json: 1,
    });
  });

  test("links to files and folders are followed", async () => {
    const folder = await folderWith({
      hosts: "web1\n",
      "shared.yml": "x: 1\n",
      "more/a.yml": "y: 2\n",
      "group_vars/.keep": "",
    });
    await symlink("../shared.yml", path.join(folder, "group_vars/all.yml"));
    await symlink("../more", path.join(folder, "group_vars/ungrouped"));
    const inventory = await loadInventory([path.join(folder, "hosts")]);
    expect(await shown(inventory, "web1")).toEqual({ x: 1, y: 2 });
  });

  test("a file that is no mapping is told of", async () => {
    const folder = await folderWith({ hosts: "web1\n", "host_vars/web1.yml": "- a\n" });
    const inventory = await loadInventory([path.join(folder, "hosts")]);
    expect(await findings(() => shown(inventory, "web1"))).toEqual(["wrong-type:1"]);
  });
});

test("two thousand groups in each other, and a value of five megabytes, are read", async () => {
  const nested = Array.from({ length: 2000 }, (_, index) => `[g${index}:children]\ng${index + 1}\n`);
  const inventory = await inventoryOf("hosts", `${nested.join("")}[g2000]\na x=${"b".repeat(5_000_000)}\n`);
  expect(hostsMatching("g0", inventory)).toEqual(["a"]);
  expect((await inventoryGraph(inventory, "all", { keyring: new Keyring() })).split("\n")).toHaveLength(2005);
});

test("twenty thousand hosts in a thousand groups are no matter", async () => {
  const lines = Array.from({ length: 1000 }, (_, group) => `[g${group}]\nh${group}-[1:20] x=${group}\n`);
  const inventory = await inventoryOf("hosts", lines.join(""));
  expect(membersOf("all", inventory)).toHaveLength(20_000);
  expect(inventory.hosts.get("h999-20")?.groups).toEqual(["g999"]);
});

test("so they are in one mapping of YAML, and patterns over all of them: nothing takes the square of that", async () => {
  const count = 60_000;
  const names = Array.from({ length: count }, (_, index) => `h${index}`);
  const lines = names.map((name, index) => `    ${name}: {x: ${index}}\n`);
  const odd = names.filter((_, index) => index % 2 === 1).map((name) => `        ${name}:\n`);
  const yaml = `all:\n  hosts:\n${lines.join("")}  children:\n    odd:\n      hosts:\n${odd.join("")}`;
  const inventory = await inventoryOf("hosts.yml", yaml);
  expect(hostsMatching("all:!odd", inventory)).toHaveLength(count / 2);
  expect(hostsMatching("odd:&h9*:!h99*", inventory)).toEqual(
    names.filter((name, index) => index % 2 === 1 && /^h9(?!9)/.test(name)),
  );
  expect(hostsMatching("~.*9999$,odd[0]", inventory)).toHaveLength(7);
  const twice = `all:\n  hosts:\n${lines.join("")}    h7: {x: 1}\n`;
  expect(await findings(() => inventoryOf("hosts.yml", twice))).toEqual([`yaml-syntax:${count + 3}`]);
});
