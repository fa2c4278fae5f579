import { expect, test } from "vitest";
import { facts } from "../../src/queries/facts.ts";
import { parsed } from "./recorded.ts";

const LINES = [
  "kernel=6.1.0",
  String.raw`1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever`,
  String.raw`1: lo    inet6 ::1/128 scope host \       valid_lft forever preferred_lft forever`,
  String.raw`2: eth0    inet6 fd00:9::5/64 scope global nodad \       valid_lft forever preferred_lft forever`,
  String.raw`2: eth0    inet 192.0.2.5/24 scope global eth0\       valid_lft forever preferred_lft forever`,
];
const FOUR = "default via 192.0.2.1 dev eth0 ";
const SIX = "2404:6800:400a:800::1012 from :: via fe80::1 dev eth0 src fd00:9::5 metric 1024 pref medium ";

const ways = (...lines: readonly string[]): unknown => {
  const [one] = parsed(facts.kind, ["all"], [...LINES, ...lines, ""].join("\n"));
  if (one?.known !== true) return one;
  return [one.answer["default_ipv4"], one.answer["default_ipv6"], one.answer["all_ipv6_addresses"]];
};
const four = { interface: "eth0", address: "192.0.2.5", gateway: "192.0.2.1" };
const six = { interface: "eth0", address: "fd00:9::5", gateway: "fe80::1" };

test("the way out by IPv4 and by IPv6, each only where there is one", () => {
  expect(ways(FOUR, SIX)).toEqual([four, six, ["fd00:9::5"]]);
  expect(ways(FOUR)).toEqual([four, {}, ["fd00:9::5"]]);
  expect(ways(SIX)).toEqual([{}, six, ["fd00:9::5"]]);
  // Without a word of the address it is the interface's, of the same kind.
  expect(ways("2404:6800:400a:800::1012 dev eth0")).toEqual([
    {},
    { interface: "eth0", address: "fd00:9::5" },
    ["fd00:9::5"],
  ]);
});

test("the addresses of each interface have their networks' prefixes", () => {
  const [one] = parsed(facts.kind, ["all"], [...LINES, ""].join("\n"));
  expect(one?.known === true && one.answer["interface_addresses"]).toEqual({
    lo: ["127.0.0.1/8", "::1/128"],
    eth0: ["fd00:9::5/64", "192.0.2.5/24"],
  });
});
