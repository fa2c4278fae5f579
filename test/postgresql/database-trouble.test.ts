import { expect, test } from "vitest";
import { databaseTrouble } from "../../src/postgresql/connect-database.ts";

const said = (message: string, code?: string): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

test("what a database refuses is told with what to do, in one line", () => {
  expect(databaseTrouble(said("permission denied for table record_line", "42501"))).toBe(
    "permission denied for table record_line (the owner of the database gives a role what it needs: `plumb history prepare`)",
  );
  expect(databaseTrouble(said('role "deployers" does not exist', "42704"))).toBe(
    'role "deployers" does not exist (`create role … login` makes one)',
  );
  expect(
    databaseTrouble(said("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string")),
  ).toMatch(/^it asks for a password, and there is none: neither PGPASSWORD/);
  expect(databaseTrouble(new AggregateError([said("one"), said("", "ECONNREFUSED")]))).toBe(
    "one; ECONNREFUSED",
  );
});
