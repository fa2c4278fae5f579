import { BlockList, isIP, isIPv4 } from "node:net";
import { type LibraryFunction, text } from "./library-function.ts";

/** Functions for addresses and networks. */
export const networkFunctions: readonly LibraryFunction[] = [
  {
    name: "is_ip",
    parameters: ["text"],
    summary: "Whether the text is an IPv4 or IPv6 address.",
    example: { expression: 'is_ip("10.0.0.1")', value: true },
    call: ([value]) => typeof value === "string" && isIP(value) !== 0,
  },
  {
    name: "is_ipv6",
    parameters: ["text"],
    summary: "Whether the text is an IPv6 address.",
    example: { expression: 'is_ipv6("::1")', value: true },
    call: ([value]) => typeof value === "string" && isIP(value) === 6,
  },
  {
    name: "in_network",
    parameters: ["address", "network"],
    summary: "Whether an address lies in a network such as `10.0.0.0/8`.",
    example: { expression: 'in_network("10.1.2.3", "10.0.0.0/8")', value: true },
    call: ([address, network]) => {
      const [base, bits] = text("in_network", network).split("/");
      if (base === undefined || bits === undefined || isIP(base) === 0) {
        throw new Error(`in_network: ${text("in_network", network)} is not a network such as 10.0.0.0/8`);
      }
      const blocks = new BlockList();
      blocks.addSubnet(base, Number(bits), isIPv4(base) ? "ipv4" : "ipv6");
      const wanted = text("in_network", address);
      return blocks.check(wanted, isIPv4(wanted) ? "ipv4" : "ipv6");
    },
  },
];
