import { isIP } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hbaProblem, renderHba } from "../../src/pgbouncer/hba.ts";

const ruleFor = (address: string) => ({
  type: "host" as const,
  databases: ["all"],
  users: ["all"],
  address,
  method: "scram-sha-256" as const,
});

test("an address is what Node.js takes for one", () => {
  const any = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.stringMatching(/^[0-9a-f:.]{0,20}$/),
    fc.constantFrom("::1", "::", "1::2::3", "[::1]", "::ffff:10.0.0.1", "samenet", "all", "db1"),
  );
  fc.assert(
    fc.property(any, (address) => {
      expect(hbaProblem(ruleFor(address)) === undefined).toBe(isIP(address.split("/")[0] ?? "") !== 0);
    }),
    { numRuns: 500 },
  );
});

test("an address with a zone is none: PgBouncer reads it with inet_pton, which knows no zones", () => {
  expect(hbaProblem(ruleFor("fe80::1%eth0"))).toContain("no address");
});

test("a single address gets the prefix of its version", () => {
  const addresses = renderHba([ruleFor("10.0.0.1"), ruleFor("::1"), ruleFor("10.0.0.0/8")]).match(
    /\S+\/\d+/g,
  );
  expect(addresses).toEqual(["10.0.0.1/32", "::1/128", "10.0.0.0/8"]);
});
