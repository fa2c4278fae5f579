import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import { labReset } from "../../../src/lab/lab.ts";
import { highAvailability } from "./high-availability.ts";
import { alertsInEarnest, healthEndpoint, rulesAsTheyShip, SMALL } from "./monitoring.ts";
import { operations } from "./operations.ts";
import { removal } from "./removal.ts";
import { prepareProduction, provision } from "./setting.ts";

/** Everything around the poolers. */
export function production(): void {
  /** Everything around the poolers, on hosts that are set up once for all of it. */
  const HOSTS = ["db1", "db2", "pool1", "pool2", "app1", "mon1"];

  beforeAll(async () => {
    await labReset(inject("lab").name, HOSTS);
    await prepareProduction();
    expect((await provision("pgbouncer.yml", { extra: SMALL })).failed).toEqual([]);
  });

  // Other files expect hosts as they were installed.
  afterAll(() => labReset(inject("lab").name, HOSTS));

  describe("the health endpoint", healthEndpoint);
  describe("rules as they ship", rulesAsTheyShip);
  describe("alerts in earnest", alertsInEarnest);
  describe("high availability", highAvailability);
  describe("operations", operations);
  describe("removal", removal);
}
