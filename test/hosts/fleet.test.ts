import { describe } from "vitest";
import { interruption } from "./interruption.ts";
import { mainJob } from "./main-job/main-job.ts";
import { production } from "./production/production.ts";

/** What needs a fleet: one file, because it all has the same hosts. A part of it: vitest run --project hosts-fleet -t "the health endpoint" */
describe("the main job on its hosts", mainJob);
describe("production", production);
describe("interruption", interruption);
