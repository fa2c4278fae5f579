import { execFileSync } from "node:child_process";
import path from "node:path";

/** What tests start: what users start, as `npm run build` made it. */
export const PLUMB = path.resolve("dist/start.cjs");

/** Builds it once, however many of vitest's projects are run. */
export function setup(): void {
  if (process.env["PLUMB_TEST_BUILT"] !== undefined) return;
  process.env["PLUMB_TEST_BUILT"] = "yes";
  execFileSync(process.execPath, ["scripts/build.ts"], { stdio: "inherit" });
}
