import { beforeAll, describe, expect } from "vitest";
import { asInstalled } from "../lab-hosts.ts";
import { alertsInEarnest } from "./alerts.ts";
import { dashboardUnderLoad } from "./dashboard.ts";
import { healthEndpoint } from "./health-endpoint.ts";
import { highAvailability } from "./high-availability.ts";
import { rememberHosts } from "./host-snapshot.ts";
import { operations } from "./operations.ts";
import { plans } from "./plans.ts";
import { POOLERS, SMALL } from "./rehearsal.ts";
import { removal } from "./removal.ts";
import { rolling } from "./rolling.ts";
import { rulesAsTheyShip } from "./rules.ts";
import { prepareProduction, provision } from "./setting.ts";

/** Everything around the poolers, on hosts that are set up once for all of it. */
beforeAll(async () => {
  await asInstalled();
  await rememberHosts(POOLERS);
  await prepareProduction();
  expect((await provision("pgbouncer.yml", { extra: SMALL })).failed).toEqual([]);
});

describe("the health endpoint", healthEndpoint);
describe("plans", plans);
describe("rules as they ship", rulesAsTheyShip);
describe("alerts in earnest", alertsInEarnest);
describe("the dashboard", dashboardUnderLoad);
describe("high availability", highAvailability);
describe("rolling, behind the balancers", rolling);
describe("operations", operations);
describe("removal", removal);
