import { type ShellText, sh } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** What systemd says of a unit (systemctl(1), `show`; systemd 252). */
export interface UnitState {
  /** loaded, not-found, masked, error, bad-setting. */
  load: string;
  /** active, inactive, failed, activating, reloading, deactivating. */
  active: string;
  sub: string;
  /** enabled, disabled, static, masked, indirect, generated, alias, linked; empty for a unit without a file. */
  file: string;
  needsDaemonReload: boolean;
  fragmentPath: string;
  canReload: boolean;
}

const PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,CanReload";

/** States of any number of units: one systemctl(1). */
export const unitState = defineQuery<string, UnitState>({
  name: "unit-state",
  identify: (unit) => unit,
  script: (units) => ({ script: showScript(units) }),
  recheck: showScript,
  parse: (output, units) => {
    const blocks = output.stdout.toString().trim().split(/\n\n/);
    if (output.exitCode !== 0 || blocks.length !== units.length) {
      return units.map(() =>
        notKnown(
          output.stderr.trim() || `systemctl said something of ${blocks.length} units, not ${units.length}`,
        ),
      );
    }
    return blocks.map((block) => {
      const fields = new Map(
        block
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
      );
      const field = (name: string): string => fields.get(name) ?? "";
      return known({
        load: field("LoadState"),
        active: field("ActiveState"),
        sub: field("SubState"),
        file: field("UnitFileState"),
        needsDaemonReload: field("NeedDaemonReload") === "yes",
        fragmentPath: field("FragmentPath"),
        canReload: field("CanReload") === "yes",
      });
    });
  },
});

function showScript(units: readonly string[]): ShellText {
  return sh`systemctl show --property=${PROPERTIES} -- ${[...units]}`;
}

/** The unit's full name: systemctl takes `pgbouncer` for `pgbouncer.service`. */
export function unitName(name: string): string {
  return /\.(service|socket|timer|target|path|mount|automount|swap|slice|scope|device)$/.test(name)
    ? name
    : `${name}.service`;
}
