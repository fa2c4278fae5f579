import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Inventory } from "../../src/inventory/inventory.ts";
import { hostsMatching } from "../../src/inventory/pattern.ts";
import { findings, folderWith, inventoryOf } from "./inventory-files.ts";

let inventory: Inventory;

beforeAll(async () => {
  inventory = await inventoryOf(
    "hosts",
    "[web]\nweb[1:3]\n[db]\ndb1\n2001:db8::1\n[empty]\n[prod:children]\nweb\ndb\n",
  );
});

describe("Patterns, where Plumb is stricter than Ansible (docs/differences.md)", () => {
  test.each([
    ["a name that nothing has", "wbe", "pattern-matches-nothing"],
    ["an exclusion of what nothing has: it would protect nothing", "all:!wbe", "pattern-matches-nothing"],
    ["an intersection with what nothing has", "all:&wbe", "pattern-matches-nothing"],
    ["a regular expression that does not parse", "~web(", "pattern-syntax"],
    ["a regular expression that is empty, which would be every host", "~", "pattern-syntax"],
    ["a bracket that is not closed", "web[", "pattern-syntax"],
    ["an index that is not closed", "web[0", "pattern-syntax"],
    ["a bracket that was never opened", "web1]", "pattern-syntax"],
    ["a class of a regular expression that is not closed", "~[", "pattern-syntax"],
    ["a range that ends before it begins", "web[2:1]", "pattern-syntax"],
    ["a range that ends at the first one and begins behind it", "web[1:0]", "pattern-syntax"],
    ["a range beyond the last host", "web[5:9]", "pattern-matches-nothing"],
    ["an index beyond the last host", "web[3]", "pattern-matches-nothing"],
    ["an index before the first host", "web[-4]", "pattern-matches-nothing"],
    ["nothing at all", "", "pattern-syntax"],
    ["separators only", " , ", "pattern-syntax"],
    ["an exclamation mark alone", "web,!", "pattern-syntax"],
    ["a list that is not there", "@/no-such-list", "file-not-found"],
    ["a list that is a folder", "@/", "file-unreadable"],
  ])("%s is an error", async (_, pattern, code) => {
    expect(await findings(() => hostsMatching(pattern, inventory))).toEqual([code]);
  });

  test("a group without hosts is a group", () => {
    expect(hostsMatching("empty", inventory)).toEqual([]);
    expect(hostsMatching("web:!empty", inventory)).toEqual(["web1", "web2", "web3"]);
  });

  test("commas and colons may both join patterns", () => {
    expect(hostsMatching("web1:web2,db1", inventory)).toEqual(["web1", "web2", "db1"]);
  });

  test("behind a glob every host counts once", () => {
    expect(hostsMatching("web*[1]", inventory)).toEqual(["web2"]);
  });

  test("a colon in a regular expression's group separates nothing", () => {
    expect(hostsMatching("~(?:web|db)1:&web", inventory)).toEqual(["web1"]);
  });

  test("an IPv6 address is one pattern in a list with commas", () => {
    expect(hostsMatching("db,!2001:db8::1", inventory)).toEqual(["db1"]);
  });
});

describe("Lists of hosts in files", () => {
  const listed = async (text: string): Promise<string[]> =>
    hostsMatching(`@${path.join(await folderWith({ list: text }), "list")}`, inventory);

  test("name one pattern a line", async () => {
    expect(await listed("# failed\nweb2\n\ndb:&prod\n".replace("db:&prod", "db1"))).toEqual(["web2", "db1"]);
  });

  test("may take away too", async () => {
    expect(await listed("prod\n!web1\n!db\n")).toEqual(["web2", "web3"]);
  });

  test("that are empty name no host, and not all", async () => {
    expect(await listed("")).toEqual([]);
    expect(await listed("# nobody failed\n\n")).toEqual([]);
  });
});
