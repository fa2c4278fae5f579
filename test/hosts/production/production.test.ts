import { beforeAll, expect } from "vitest";
import { describeFromKnownState } from "../known-state.ts";
import { alsoHost, asInstalled } from "../lab-hosts.ts";
import { alertsInEarnest } from "./alerts.ts";
import { dashboardUnderLoad } from "./dashboard.ts";
import { healthEndpoint } from "./health-endpoint.ts";
import { highAvailability } from "./high-availability.ts";
import { rememberHosts } from "./host-snapshot.ts";
import { operations } from "./operations.ts";
import { plans } from "./plans.ts";
import { POOLERS, rehearsal, SMALL } from "./rehearsal.ts";
import { removal } from "./removal.ts";
import { rolling } from "./rolling.ts";
import { rulesAsTheyShip } from "./rules.ts";
import { prepareProduction, provision } from "./setting.ts";

/** Everything around the poolers, on hosts that are set up once for all of it. */
const begin = async (): Promise<void> => {
  await asInstalled();
  await rememberHosts(POOLERS);
  await prepareProduction();
  await play("pgbouncer.yml", SMALL);
};

async function play(playbook: string, extra: Record<string, unknown> = {}): Promise<void> {
  expect((await provision(playbook, { extra })).failed).toEqual([]);
}

// A second database server.
beforeAll(() => alsoHost({ name: "db2", release: "bookworm" }));
beforeAll(begin);

/** @param further what the groups before it have installed besides, and this one builds on. */
function group(title: string, tests: () => void, further: () => Promise<void> = async () => undefined): void {
  describeFromKnownState(title, tests, async () => {
    await begin();
    await further();
  });
}

group("the health endpoint", healthEndpoint);
group("plans", plans);
group("rules as they ship", rulesAsTheyShip);
group("alerts in earnest", alertsInEarnest, () => play("monitoring.yml", rehearsal()));
group("the dashboard", dashboardUnderLoad, () => play("monitoring.yml", rehearsal()));
group("high availability", highAvailability);
group("rolling, behind the balancers", rolling, () => play("ha.yml"));
group("operations", operations, () => play("replication.yml"));
group("removal", removal);
