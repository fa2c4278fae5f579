import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import { labReset } from "../../../src/lab/lab.ts";
import { alertsInEarnest } from "./alerts.ts";
import { dashboardUnderLoad } from "./dashboard.ts";
import { healthEndpoint } from "./health-endpoint.ts";
import { highAvailability } from "./high-availability.ts";
import { operations } from "./operations.ts";
import { SMALL } from "./rehearsal.ts";
import { removal } from "./removal.ts";
import { rolling } from "./rolling.ts";
import { rulesAsTheyShip } from "./rules.ts";
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
  describe("the dashboard", dashboardUnderLoad);
  describe("high availability", highAvailability);
  describe("rolling, behind the balancers", rolling);
  describe("operations", operations);
  describe("removal", removal);
}
