import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
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
  /** Its files are others than systemd has read. */
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
    const [shown = "", ...there] = output.stdout.toString().split(OWN_FILE);
    const blocks = shown.trim().split(/\n\n/);
    const ownFiles = new Set(there.map((line) => line.trim()));
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
        needsDaemonReload:
          field("NeedDaemonReload") === "yes" ||
          (ownFiles.has(field("Id")) && LESS_THAN_OWN.test(field("FragmentPath"))),
        fragmentPath: field("FragmentPath"),
        canReload: field("CanReload") === "yes",
      });
    });
  },
});

/**
 * Of a file that takes precedence over the one that a unit was loaded from, systemd does not say that it has not been read yet (252 and 257): a run that is killed right after writing one would leave
 * the unit as it was. A link there is an alias, or masks the unit.
 */
const OWN_FILE = "\n\nplumb-own-file ";
/** systemd.unit(5), "Unit File Load Path": what is behind /etc/systemd/system. */
const LESS_THAN_OWN =
  /^(\/usr)?(\/local)?\/lib\/systemd\/|^\/run\/systemd\/(system|generator|generator\.late)\//;

function showScript(units: readonly string[]): ShellText {
  return shellLines(
    sh`systemctl show --property=${PROPERTIES} -- ${units.map(anInstance)} || exit`,
    sh`cd /etc/systemd/system 2>/dev/null || exit 0; for unit in ${[...units]}; do`,
    rawShell(`[ -L "$unit" ] || [ ! -f "$unit" ] || printf '\n\nplumb-own-file %s\n' "$unit"; done`),
  );
}

/** Of a template systemctl says nothing: of any instance it says whether there is a template (systemd 252 and 257). */
const anInstance = (unit: string): string => unit.replace(/@(\.\w+)$/, "@instance$1");

/** The unit's full name: systemctl takes `pgbouncer` for `pgbouncer.service`. */
export function unitName(name: string): string {
  return /\.(service|socket|timer|target|path|mount|automount|swap|slice|scope|device)$/.test(name)
    ? name
    : `${name}.service`;
}
