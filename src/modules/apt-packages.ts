import { aptLists } from "../queries/apt-lists.ts";
import { type AptAction, type AptPlanned, aptPlan } from "../queries/apt-plan.ts";
import { type DebFile, debFile } from "../queries/deb-file.ts";
import { hostClock } from "../queries/host-clock.ts";
import { type PackageState, packageState } from "../queries/package-state.ts";
import type { QueryMap } from "../queries/query.ts";
import { aptScript, aptTrials, NOTHING_CHANGED } from "./apt-script.ts";
import type { Change, Difference, NeededChange } from "./change.ts";
import { type ActionResult, ModuleFailure, type Situation } from "./module.ts";
import { debChange } from "./package-deb.ts";
import { type PackageParams, upgradeOf } from "./package-params.ts";
import type { Step, StepOutput } from "./step.ts";
import type { Subject } from "./subject.ts";

type AptParams = PackageParams;

/** Without names it is about the whole system. */
const isGeneral = ({ name, pkg, deb }: AptParams): boolean => (name ?? pkg ?? deb) === undefined;

interface Wanted {
  name: string;
  version: string | undefined;
}

/** What has to be done, by package. */
export interface PackageChange {
  install: Wanted[];
  remove: string[];
  refreshLists: boolean;
  configureBroken: boolean;
  /** Whether it changes anything is known when it is over: the script says so. */
  tellsChange?: boolean;
  /** On hold, and so again when it is done. */
  held?: readonly string[];
  /** About every package: in this order. */
  general: readonly AptAction[];
}

/** @throws ModuleFailure for what apt takes for no name. */
const wantedOf = (want: AptParams): Wanted[] =>
  [want.name ?? want.pkg ?? []].flat().map((text) => {
    const [bare = "", version] = text.split("=");
    if (!/^[a-z0-9][a-z0-9.+-]*$/.test(bare)) {
      const message = `\`${text}\` can't be the name of a Debian package`;
      const hint = "small letters, digits and `+-.`; a version stands behind `=`";
      const parameter = want.name === undefined ? "pkg" : "name";
      throw new ModuleFailure(message, { findings: [{ path: [parameter], message, hint }] });
    }
    return { name: bare, version };
  });

/** Packages of Debian, by apt-get: what `package` does where apt is the host's manager. */
export const aptPackages = {
  queries: (want: AptParams): QueryMap => ({
    lists: aptLists("fetched"),
    clock: hostClock("now"),
    deb: debFile(want.deb),
    upgrade: aptPlan(isGeneral(want) ? upgradeOf(want) : undefined),
    autoremove: aptPlan(isGeneral(want) && want.autoremove ? "autoremove" : undefined),
    ...Object.fromEntries(
      wantedOf(want).map(({ name }) => [
        `package ${name}`,
        packageState({ name, ...(want.state === "latest" ? { candidate: true } : {}) }),
      ]),
    ),
  }),
  diff: (
    want: AptParams,
    answers: Readonly<Record<string, unknown>>,
    situation: Situation,
  ): Change<PackageChange> => {
    const { fetchedSeconds } = answers["lists"] as { fetchedSeconds: number | undefined };
    const clock = answers["clock"] as { seconds: number };
    const listsSeconds = fetchedSeconds === undefined ? undefined : clock.seconds - fetchedSeconds;
    const states = new Map(
      wantedOf(want).map(({ name }) => [name, answers[`package ${name}`] as PackageState]),
    );
    if (want.deb !== undefined)
      return debChange(
        want.deb,
        answers["deb"] as DebFile,
        want,
        areStale(want, listsSeconds, situation),
        situation,
      );
    if (isGeneral(want)) {
      const [upgrade, autoremove] = [answers["upgrade"], answers["autoremove"]] as {
        planned: readonly AptPlanned[];
      }[];
      return generalChange(want, listsSeconds, upgrade?.planned ?? [], autoremove?.planned ?? [], situation);
    }
    return want.state === "absent"
      ? removal(want, states)
      : installation(want, states, listsSeconds, situation);
  },
  touches: (_: AptParams, change?: NeededChange<PackageChange>): readonly Subject[] => {
    if (change === undefined) return [{ kind: "packages" }];
    const { install, remove, configureBroken, general } = change.detail;
    return install.length + remove.length + general.length > 0 ||
      configureBroken ||
      change.action !== "update"
      ? [{ kind: "packages" }]
      : [];
  },
  steps: (change: NeededChange<PackageChange>, want: AptParams): readonly Step[] => [
    {
      kind: "script",
      title: change.summary,
      script: aptScript(change.detail, want),
      trials: aptTrials(change.detail, want),
      timeoutMs: 30 * 60_000,
    },
  ],
  /** Whether a refresh of old lists has brought anything is known when it is over. */
  result: (outputs: readonly StepOutput[], change: NeededChange<PackageChange>): ActionResult => ({
    changed: !outputs.some(({ exec }) => exec?.stdout.toString().includes(NOTHING_CHANGED) === true),
    ...(change.data === undefined ? {} : { data: change.data }),
  }),
};

function generalChange(
  want: AptParams,
  listsSeconds: number | undefined,
  upgrades: readonly AptPlanned[],
  removals: readonly AptPlanned[],
  situation: Situation,
): Change<PackageChange> {
  const refreshLists = areStale(want, listsSeconds, situation);
  const upgrade = upgradeOf(want);
  const planned = [...upgrades, ...removals];
  const differences = planned.map(({ name, before, after }) => versionChange(name, before, after));
  if (refreshLists)
    differences.push({
      kind: "field",
      name: "package lists",
      before: listsSeconds === undefined ? "none" : `${listsSeconds} s old`,
      after: "fresh",
    });
  if (differences.length === 0) return { action: "none", reason: "nothing to do" };
  const isOpen = planned.length === 0 && upgrade !== undefined;
  return {
    // With fresh lists there may be nothing to do: nobody knows before.
    action: isOpen ? "run" : "update",
    summary: isOpen
      ? "refresh the lists of packages, and upgrade what they have newer"
      : planned.length === 0
        ? "refresh the lists of packages"
        : `change ${planned.length} packages`,
    differences: isOpen ? [] : differences,
    detail: {
      install: [],
      remove: [],
      refreshLists,
      configureBroken: false,
      // With fresh lists there may be more to do than the old ones say.
      tellsChange: isOpen,
      general: [
        ...(upgrade === undefined ? [] : [upgrade]),
        ...(want.autoremove ? ["autoremove" as const] : []),
      ],
    },
  };
}

function areStale(
  { update_cache: wanted = true, cache_valid_time: valid }: AptParams,
  seconds: number | undefined,
  { afterSteps }: Situation,
): boolean {
  // Otherwise lists that are to be fresh to the second would never be.
  return wanted && !afterSteps && (seconds === undefined || seconds > valid);
}

function removal(want: AptParams, states: ReadonlyMap<string, PackageState>): Change<PackageChange> {
  const remove = [...states]
    .filter(([, state]) => state.installed !== undefined || state.broken || (want.purge && state.leftovers))
    .map(([name]) => name);
  if (remove.length === 0) return { action: "none", reason: "not installed" };
  return {
    action: "delete",
    summary: `remove ${remove.join(", ")}`,
    differences: remove.map((name) =>
      versionChange(
        name,
        states.get(name)?.leftovers === true ? "configuration files" : states.get(name)?.installed,
        undefined,
      ),
    ),
    detail: { install: [], remove, refreshLists: false, configureBroken: false, general: [] },
  };
}

function installation(
  want: AptParams,
  states: ReadonlyMap<string, PackageState>,
  listsSeconds: number | undefined,
  situation: Situation,
): Change<PackageChange> {
  const refreshLists = areStale(want, listsSeconds, situation);
  const install = wantedOf(want).filter(({ name, version }) =>
    isWanting(want, version, states.get(name), refreshLists),
  );
  const broken = [...states.values()].some((state) => state.broken || state.isHostUnfinished);
  const versions = Object.fromEntries(
    [...states].map(([name, state]) => [name, state.installed ?? state.candidate ?? null]),
  );
  if (install.length === 0 && !broken) return { action: "none", reason: "installed", data: { versions } };
  for (const { name } of install) {
    const state = states.get(name);
    if (state?.held === true && !want.allow_change_held_packages)
      throw new ModuleFailure(`${name} is on hold`, {
        hint: `apt-mark unhold ${name}, if it should change after all`,
      });
    if (
      state?.candidate === undefined &&
      state?.installed === undefined &&
      !refreshLists &&
      !situation.changesPending
    ) {
      throw new ModuleFailure(`apt knows no package ${name}`, {
        hint: "is the name right, and does the host have the repository? `update_cache: true` with a smaller `cache_valid_time` refreshes the lists",
      });
    }
  }
  const names = install.map(({ name, version }) => (version === undefined ? name : `${name}=${version}`));
  // With fresh lists there may be nothing to do: nobody knows before.
  const isCertain =
    broken || install.some(({ name, version }) => isWanting(want, version, states.get(name), false));
  return {
    action: !isCertain
      ? "run"
      : [...states.values()].every((state) => state.installed === undefined)
        ? "create"
        : "update",
    summary:
      broken && install.length === 0
        ? "finish an interrupted installation"
        : isCertain
          ? `install ${names.join(", ")}`
          : `refresh the lists, and install what they have newer of ${names.join(", ")}`,
    differences: (isCertain ? install : []).map(({ name, version }) => {
      const state = states.get(name);
      const after =
        version ?? (refreshLists && state?.installed !== undefined ? undefined : state?.candidate);
      const change = versionChange(name, state?.installed, after ?? "what the refreshed lists say");
      return after === undefined ? { ...change, afterUnknown: true } : change;
    }),
    detail: {
      install,
      remove: [],
      refreshLists,
      configureBroken: broken,
      tellsChange: !isCertain,
      held: install.map(({ name }) => name).filter((name) => states.get(name)?.held === true),
      general: [],
    },
    data: { versions },
  };
}

function isWanting(
  want: AptParams,
  version: string | undefined,
  state: PackageState | undefined,
  refreshLists: boolean,
): boolean {
  if (state?.installed === undefined && want.only_upgrade) return false;
  if (state?.installed === undefined || state.broken) return true;
  if (version !== undefined) return state.installed !== version;
  // Old lists do not know what is the latest.
  if (want.state === "latest" && refreshLists && !(state.held && !want.allow_change_held_packages))
    return true;
  return want.state === "latest" && state.candidate !== undefined && state.candidate !== state.installed;
}

function versionChange(
  name: string,
  before: string | undefined,
  after: string | undefined,
): Difference & { kind: "field" } {
  return { kind: "field", name, before: before ?? "not installed", after: after ?? "not installed" };
}
