import type { Trial } from "../queries/trial.ts";
import { ANY_HALF_DONE, APT_UNFINISHED } from "../shell/apt-unfinished.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { PackageChange } from "./apt-packages.ts";
import { updateAptLists } from "./apt-update.ts";

/** Of the module's parameters, what concerns apt-get itself. */
interface AptWishes {
  lock_timeout: number;
  install_recommends: boolean;
  allow_downgrade: boolean;
  allow_change_held_packages: boolean;
  default_release?: string | undefined;
  purge: boolean;
  autoremove: boolean;
  start_services: boolean;
}

/** What the script says at its end when all packages are what they were. */
export const NOTHING_CHANGED = "plumb: no package has changed";
const ALL_PACKAGES = "$(dpkg-query -W -f '${binary:Package} ${Version} ${Status}\\n' | cksum)";

/** A policy-rc.d of ours says so in its second line: one that a killed run left is removed, one of somebody else stays. */
const POLICY_MARK = "# made by Plumb for the time of one installation";

/**
 * Another installation may have been cut short (a full disk, a power failure) and have left packages without what they depend on: then apt-get installs nothing
 * else. They are finished first, and nothing is removed for it. A hold survives, whether the installation succeeds or not.
 */
function installScript(
  options: readonly string[],
  names: readonly string[],
  held: readonly string[],
): ShellText {
  const attempt = sh`apt-get ${options} install -- ${names}`;
  const install = sh`{ ${attempt} || { plumb_code=$?; ! apt-get -qq check >/dev/null 2>&1 && { ${finish(options, names)}; } && ${attempt}; } || (exit "$plumb_code"); }`;
  if (held.length === 0) return install;
  return shellLines(
    rawShell("code=0"),
    sh`${install} || code=$?`,
    sh`apt-mark hold -- ${held} >/dev/null`,
    rawShell('[ "$code" = 0 ] || exit "$code"'),
  );
}

/**
 * What dpkg can't finish alone, or takes for finished, lacks a package that was to be unpacked as well. Where nothing says that a package is wanted which was unpacked by half, apt would
 * rather remove it: then it is named.
 */
function finish(options: readonly string[], names: readonly string[]): ShellText {
  const fix = sh`apt-get ${options} --no-remove --fix-broken install`;
  return sh`dpkg --force-confdef --force-confold --configure -a || :; ${fix} || ${fix} -- ${names}`;
}

/**
 * Whether apt-get finds a way to the change, which it says itself with `--simulate`: a version that no repository has, packages that exclude each other. What fresh lists will say nobody
 * knows, and what an interrupted installation has left is finished first.
 */
export function aptTrials(change: PackageChange, want: AptWishes): readonly Trial[] {
  const { remove, refreshLists, configureBroken } = change;
  if (refreshLists || configureBroken) return [];
  const simulated = ([action, ...rest]: readonly string[], packages: readonly string[]): ShellText[] =>
    packages.length === 0
      ? []
      : [
          sh`apt-get --simulate ${optionsOf(want)} ${[action ?? "", ...rest]} -- ${packages} >/dev/null || refused`,
        ];
  const lines = [...simulated(["install"], namesOf(change)), ...simulated(removalOf(want), remove)];
  if (lines.length === 0) return [];
  const refused = rawShell("refused() { code=$?; apt-get -qq check >/dev/null 2>&1 || exit 0; exit $code; }");
  return [{ script: shellLines(refused, ...lines), mayBeMade: true }];
}

/** The mark of what is under way stays where something is left half done. */
const BEGIN_AND_END = shellLines(
  rawShell("plumb_policy="),
  sh`plumb_end() { code=$?; [ -z "$plumb_policy" ] || rm -f "$plumb_policy"; if [ "$code" = 0 ] || ! ${ANY_HALF_DONE}; then rm -f ${APT_UNFINISHED}; fi; }`,
  rawShell("trap plumb_end EXIT; trap 'exit 1' HUP INT TERM"),
  sh`{ [ ! -d /var/lib/plumb ] || : > ${APT_UNFINISHED}; } 2>/dev/null || :`,
);

const removalOf = ({ purge, autoremove }: AptWishes): string[] => [
  purge ? "purge" : "remove",
  ...(autoremove ? ["--autoremove"] : []),
];

const namesOf = ({ install }: PackageChange): string[] =>
  install.map(({ name, version }) => (version === undefined ? name : `${name}=${version}`));

/** Without questions, and patient with another apt. */
function optionsOf(want: AptWishes): string[] {
  return [
    "-q",
    "-y",
    "-o",
    `DPkg::Lock::Timeout=${want.lock_timeout}`,
    "-o",
    "Dpkg::Use-Pty=0",
    "-o",
    "Dpkg::Options::=--force-confdef",
    "-o",
    "Dpkg::Options::=--force-confold",
    ...(want.install_recommends ? [] : ["--no-install-recommends"]),
    ...(want.allow_downgrade ? ["--allow-downgrades"] : []),
    ...(want.allow_change_held_packages ? ["--allow-change-held-packages"] : []),
    ...(want.default_release === undefined ? [] : ["-t", want.default_release]),
  ];
}

/** What apt-get has to be told to make the change. */
export function aptScript(change: PackageChange, want: AptWishes): ShellText {
  const options = optionsOf(want);
  const names = namesOf(change);
  const removal = removalOf(want);
  return shellLines(
    rawShell("set -eu"),
    rawShell("export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l"),
    BEGIN_AND_END,
    sh`if [ -f /usr/sbin/policy-rc.d ] && grep -qF ${POLICY_MARK} /usr/sbin/policy-rc.d; then rm -f /usr/sbin/policy-rc.d; fi`,
    want.start_services
      ? undefined
      : shellLines(
          rawShell("if [ ! -e /usr/sbin/policy-rc.d ]; then"),
          sh`  printf '%s\n' '#!/bin/sh' ${POLICY_MARK} 'exit 101' > /usr/sbin/policy-rc.d`,
          rawShell("  plumb_policy=/usr/sbin/policy-rc.d"),
          rawShell("  chmod 0755 /usr/sbin/policy-rc.d"),
          rawShell("fi"),
        ),
    change.tellsChange === true ? rawShell(`plumb_before="${ALL_PACKAGES}"`) : undefined,
    change.refreshLists ? updateAptLists : undefined,
    change.configureBroken ? finish(options, names) : undefined,
    ...change.general.map(
      (action) =>
        sh`apt-get ${options} ${action === "upgrade" ? ["--with-new-pkgs"] : []} ${action === "autoremove" && want.purge ? ["--purge"] : []} ${[action]}`,
    ),
    names.length > 0 ? installScript(options, names, change.held ?? []) : undefined,
    change.remove.length > 0 ? sh`apt-get ${options} ${removal} -- ${change.remove}` : undefined,
    change.tellsChange === true
      ? rawShell(`if [ "$plumb_before" = "${ALL_PACKAGES}" ]; then echo '${NOTHING_CHANGED}'; fi`)
      : undefined,
  );
}
