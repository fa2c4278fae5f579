import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** One service, in Ansible's words (`ansible_facts.services`). */
export interface ServiceState {
  /** running, stopped; of a unit that is not in memory: inactive, and of a template: unknown. */
  state: string;
  /** Of its file: enabled, disabled, static, masked, alias, generated; or not-found, failed, unknown. */
  status: string;
}

/** Every service that systemd knows, by the full name of its unit (systemctl(1), systemd 252): two processes. */
export const serviceStates = defineQuery<"all", ReadonlyMap<string, ServiceState>>({
  name: "service-states",
  identify: (key) => key,
  script: () => ({
    script: rawShell(
      "systemctl list-units --type=service --all --plain --no-legend --no-pager --full && echo && systemctl list-unit-files --type=service --no-legend --no-pager --full",
    ),
  }),
  parse: ({ stdout, stderr, exitCode }) => {
    const [units, files] = stdout.toString().split(/\n\n/);
    if (exitCode !== 0 || units === undefined || files === undefined)
      return [notKnown(stderr.trim() || `systemctl: exit ${exitCode}`)];
    return [known(servicesOf(rows(units), rows(files)))];
  },
});

const rows = (text: string): string[][] =>
  text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([name]) => name?.endsWith(".service") === true);

function servicesOf(units: readonly string[][], files: readonly string[][]): Map<string, ServiceState> {
  const services = new Map<string, ServiceState>();
  for (const [name = "", status = "unknown"] of files)
    services.set(name, { state: name.endsWith("@.service") ? "unknown" : "inactive", status });
  for (const [name = "", load = "", active = "", sub = ""] of units) {
    const status =
      load === "not-found" || load === "masked"
        ? load
        : active === "failed"
          ? "failed"
          : (services.get(name)?.status ?? "unknown");
    services.set(name, { state: sub === "running" ? "running" : "stopped", status });
  }
  return new Map([...services].sort(([a], [b]) => (a < b ? -1 : 1)));
}
