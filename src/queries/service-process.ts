import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";
import { isWrittenSince } from "./written-since.ts";

/** The process of a service, and what it runs with that is not on the disk any more. */
export interface ServiceProcess {
  /** 0: it does not run. */
  pid: number;
  /** active, inactive, failed, activating, deactivating, reloading. */
  active: string;
  /** Its program and libraries that have been replaced since it was started, as an upgrade does. */
  replacedFiles: readonly string[];
  /** Its unit or a drop-in has been written since it was started. */
  unitIsNewer: boolean;
}

/** Processes of any number of services (proc(5): `exe` and `maps` of files that were replaced end in ` (deleted)`). */
export const serviceProcess = defineQuery<string, ServiceProcess>({
  name: "service-process",
  identify: (service) => service,
  script: (services) => ({
    script: shellLines(
      rawShell("set -e; now=$(date +%s.%N); read -r up rest < /proc/uptime"),
      sh`for service in ${services}; do`,
      rawShell(`  pid=$(systemctl show -p MainPID --value -- "$service")
  printf 'service\\t%s\\npid\\t%s\\nactive\\t%s\\n' "$service" "$pid" "$(systemctl show -p ActiveState --value -- "$service")"
  [ "$pid" -gt 0 ] || continue
  printf 'started\\t%s\\t%s\\t%s\\t%s\\n' "$now" "$up" "$(systemctl show -p ActiveEnterTimestampMonotonic --value -- "$service")" "$(date -d "$(systemctl show -p ActiveEnterTimestamp --value -- "$service")" +%s)"
  for path in $(systemctl show -p FragmentPath,DropInPaths --value -- "$service"); do stat -c 'written\t%.9Y' -- "$path"; done
  { readlink -- "/proc/$pid/exe"; sed -n 's/^[^/]*\\(\\/.*\\.so[^/]* (deleted)\\)$/\\1/p' "/proc/$pid/maps"; } | sed -n 's/ (deleted)$//p' | sort -u | sed 's/^/replaced\\t/'
done`),
    ),
  }),
  parse: (output, services) => {
    if (output.exitCode !== 0) {
      return services.map(() => notKnown(output.stderr.trim() || `exit ${output.exitCode}`));
    }
    const blocks = new Map(
      `\n${output.stdout.toString()}`
        .split("\nservice\t")
        .slice(1)
        .map((block) => [block.slice(0, block.indexOf("\n")), block.split("\n").slice(1)]),
    );
    return services.map((service) => {
      const lines = blocks.get(service)?.map((line) => line.split("\t"));
      if (lines === undefined) return notKnown(`nothing was said of ${service}`);
      const fields = (name: string): string[][] =>
        lines.filter(([first]) => first === name).map(([, ...rest]) => rest);
      const [now = 0, up = 0, entered = 0, clockThen = 0] = (fields("started")[0] ?? []).map(Number);
      const start = { now, up, upThen: entered / 1e6, clockThen };
      return known({
        pid: Number(fields("pid")[0]?.[0]),
        active: fields("active")[0]?.[0] ?? "",
        replacedFiles: fields("replaced").map(([path]) => path ?? ""),
        unitIsNewer: fields("written").some(([time]) => isWrittenSince(start, Number(time))),
      });
    });
  },
});
