import { didYouMean } from "../../diagnostics/did-you-mean.ts";
import type { Value } from "../value.ts";
import { bitsOf, type IpAddress, ipText, lastOf, maskOf, networkOf, parseIp } from "./ip-address.ts";
import { describe, given, type LibraryFunction, number, text, whole } from "./library-function.ts";

function addressIn(name: string, value: Value | undefined): IpAddress {
  const address = typeof value === "string" ? parseIp(value) : undefined;
  if (address !== undefined) return address;
  throw new Error(
    `${name}: ${describe(value)} is not an address such as 10.0.0.1 or a network such as 10.0.0.0/8`,
  );
}

/** @throws Error for an address without a prefix. */
function networkIn(name: string, value: Value | undefined): IpAddress {
  const address = addressIn(name, value);
  if (address.prefix !== undefined) return networkOf(address);
  throw new Error(`${name}: ${describe(value)} is not a network such as 10.0.0.0/8`);
}

const prefixOf = (address: IpAddress): number => address.prefix ?? bitsOf(address);
const withPrefix = (address: IpAddress): string => `${ipText(address)}/${prefixOf(address)}`;
const at = (address: IpAddress, value: bigint): string => ipText({ ...address, value });
const isWithin = (address: IpAddress, network: IpAddress): boolean =>
  address.version === network.version &&
  address.value >= networkOf(network).value &&
  lastOf(address) <= lastOf(network);
/** Networks of one or two addresses have no broadcast (RFC 3021, RFC 6164), and IPv6 has none at all. */
const hasBroadcast = (address: IpAddress): boolean => address.version === 4 && prefixOf(address) < 31;

const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/** A number as JSON can say it, or as text where it is too large. */
const count = (value: bigint): Value =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);

const QUERIES: Readonly<Record<string, (address: IpAddress) => Value>> = {
  address: ipText,
  network: (address) => ipText(networkOf(address)),
  subnet: (address) => withPrefix(networkOf(address)),
  netmask: (address) => at(address, maskOf(address)),
  hostmask: (address) => at(address, maskOf(address) ^ maskOf({ version: address.version, value: 0n })),
  wildcard: (address) => at(address, maskOf(address) ^ maskOf({ version: address.version, value: 0n })),
  prefix: prefixOf,
  broadcast: (address) => (hasBroadcast(address) ? at(address, lastOf(address)) : null),
  size: (address) => count(lastOf(address) - networkOf(address).value + 1n),
  first_usable: (address) => at(address, networkOf(address).value + (hasBroadcast(address) ? 1n : 0n)),
  last_usable: (address) => at(address, lastOf(address) - (hasBroadcast(address) ? 1n : 0n)),
  "address/prefix": withPrefix,
  host: withPrefix,
  version: ({ version }) => version,
  private: (address) =>
    PRIVATE.some((text) => {
      const network = parseIp(text);
      return network !== undefined && isWithin(address, network);
    }),
  int: ({ value }) => count(value),
  revdns: (address) =>
    address.version === 4
      ? `${ipText(address).split(".").reverse().join(".")}.in-addr.arpa.`
      : `${[...address.value.toString(16).padStart(32, "0")].reverse().join(".")}.ip6.arpa.`,
};

function queried(address: IpAddress, query: string): Value {
  const answer = Object.hasOwn(QUERIES, query) ? QUERIES[query] : undefined;
  if (answer !== undefined) return answer(address);
  const meant = didYouMean(query, Object.keys(QUERIES));
  throw new Error(
    `ipaddr: there is no \`${query}\`${meant === undefined ? `; there is ${Object.keys(QUERIES).join(", ")}` : `; did you mean \`${meant}\`?`}`,
  );
}

/** The nth address of a network; counted from its end where n is negative. */
function nthHost(name: string, network: IpAddress, n: number): string {
  const value = n < 0 ? lastOf(network) + 1n + BigInt(n) : network.value + BigInt(n);
  if (value < network.value || value > lastOf(network))
    throw new Error(`${name}: ${withPrefix(network)} has no address number ${n}`);
  return at(network, value);
}

/** Functions for addresses and networks, of IPv4 and IPv6. */
export const networkFunctions: readonly LibraryFunction[] = [
  {
    name: "is_ip",
    parameters: ["text"],
    summary: "Whether the text is an IPv4 or IPv6 address.",
    example: { expression: 'is_ip("10.0.0.1")', value: true },
    call: ([value]) => typeof value === "string" && parseIp(value) !== undefined && !value.includes("/"),
  },
  {
    name: "is_ipv4",
    parameters: ["text"],
    summary: "Whether the text is an IPv4 address.",
    example: { expression: 'is_ipv4("10.0.0.1")', value: true },
    call: ([value]) => typeof value === "string" && !value.includes("/") && parseIp(value)?.version === 4,
  },
  {
    name: "is_ipv6",
    parameters: ["text"],
    summary: "Whether the text is an IPv6 address.",
    example: { expression: 'is_ipv6("::1")', value: true },
    call: ([value]) => typeof value === "string" && !value.includes("/") && parseIp(value)?.version === 6,
  },
  {
    name: "ipaddr",
    parameters: ["value", "query?"],
    summary: `Of an address with its network: ${Object.keys(QUERIES).join(", ")}. Without a query the address in its usual form.`,
    example: { expression: 'ipaddr("192.168.1.7/24", "network")', value: "192.168.1.0" },
    call: ([value, query]) => {
      const address = addressIn("ipaddr", value);
      if (typeof query === "number")
        return `${nthHost("ipaddr", networkOf(address), query)}/${prefixOf(address)}`;
      return given(
        query,
        (one) => queried(address, text("ipaddr", one)),
        address.prefix === undefined ? ipText(address) : withPrefix(address),
      );
    },
  },
  {
    name: "nthhost",
    parameters: ["network", "n"],
    summary:
      "The address of that number in a network, counted from 0; from the end where the number is negative.",
    example: { expression: 'nthhost("10.0.0.0/8", 305)', value: "10.0.1.49" },
    call: ([network, n]) =>
      nthHost("nthhost", networkIn("nthhost", network), whole("nthhost", n, -(2 ** 53), 2 ** 53)),
  },
  {
    name: "ipmath",
    parameters: ["address", "n"],
    summary: "The address so many further on.",
    example: { expression: 'ipmath("10.0.0.255", 1)', value: "10.0.1.0" },
    call: ([value, n]) => {
      const address = addressIn("ipmath", value);
      const moved = address.value + BigInt(Math.trunc(number("ipmath", n)));
      if (moved < 0n || moved >= 1n << BigInt(bitsOf(address)))
        throw new Error(`ipmath: there is no address ${n} on from ${ipText(address)}`);
      return at(address, moved);
    },
  },
  {
    name: "ipsubnet",
    parameters: ["network", "prefix", "index?"],
    summary: "How many networks of that prefix there are in a network; with an index, that one.",
    example: { expression: 'ipsubnet("192.168.0.0/16", 24, 5)', value: "192.168.5.0/24" },
    call: ([value, written, index]) => {
      const network = networkIn("ipsubnet", value);
      const prefix = whole("ipsubnet", written, prefixOf(network), bitsOf(network));
      const most = 1n << BigInt(prefix - prefixOf(network));
      if (index === undefined || index === null) return count(most);
      const wanted = BigInt(whole("ipsubnet", index, -(2 ** 53), 2 ** 53));
      const nth = wanted < 0n ? most + wanted : wanted;
      if (nth < 0n || nth >= most)
        throw new Error(
          `ipsubnet: ${withPrefix(network)} has ${most} networks of /${prefix}, and no number ${wanted}`,
        );
      return withPrefix({
        ...network,
        value: network.value + (nth << BigInt(bitsOf(network) - prefix)),
        prefix,
      });
    },
  },
  {
    name: "in_network",
    parameters: ["address", "network"],
    summary: "Whether an address, or a whole network, lies in a network such as `10.0.0.0/8`.",
    example: { expression: 'in_network("10.1.2.3", "10.0.0.0/8")', value: true },
    call: ([address, network]) =>
      isWithin(addressIn("in_network", address), networkIn("in_network", network)),
  },
  {
    name: "ipwrap",
    parameters: ["value"],
    summary: "The text with brackets around it where it is an IPv6 address, as URLs and `host:port` need it.",
    example: { expression: 'ipwrap("fd00::1")', value: "[fd00::1]" },
    call: ([value]) => {
      const written = text("ipwrap", value);
      return parseIp(written)?.version === 6 ? written.replace(/^([^/]*)/, "[$1]") : written;
    },
  },
];
