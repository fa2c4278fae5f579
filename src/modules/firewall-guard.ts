import { z } from "zod";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { confirmStep, type Guard, guarded, settleUnconfirmed } from "./connection-guard.ts";
import type { Step } from "./step.ts";

/** `guard_seconds` of the modules that change a firewall. */
export const guardSeconds = z
  .number()
  .int()
  .min(0)
  .max(3600)
  .default(60)
  .describe(
    "After this the host brings the old rules back, unless a new connection has been made through the changed ones. 0 changes them without trying that.",
  );

const FOLDER = "/var/lib/plumb/firewall-guard";

/** Rules of nftables that wait until a new connection has confirmed them. */
export const NFTABLES_CANDIDATE = `${FOLDER}/candidate.nft`;

const firewallGuard = (seconds: number): Guard => ({
  folder: FOLDER,
  unit: "plumb-firewall-guard",
  before: "the old rules",
  seconds,
});

const HINT =
  "does a rule let SSH in from where Plumb comes from? `guard_seconds: 0` makes the change without trying";

/** Makes room for a change of the firewall, before its files are written. */
export const settleFirewall = (seconds: number): Step => settleUnconfirmed(firewallGuard(seconds));

/**
 * Loads the rules that wait in NFTABLES_CANDIDATE, and makes sure that a new connection still gets through. Nothing is written that a reboot would load: until it is
 * confirmed, a reboot brings back the old rules too.
 */
export function guardedTable(table: string, seconds: number): Step[] {
  const guard = firewallGuard(seconds);
  const old = `${FOLDER}/old.nft`;
  const script = guarded(guard, {
    // What makes the table is in front of what deletes it: it may be gone by then.
    putAside: sh`{ printf 'table inet %s\ndelete table inet %s\n' ${table} ${table}; if nft list tables inet | grep -qxF ${`table inet ${table}`}; then nft -s list table inet ${table}; fi; } > ${old}`,
    restore: sh`nft -f ${old} || exit 1`,
    make: sh`said=$(nft -f ${NFTABLES_CANDIDATE} 2>&1) || put_back "nft: $said"`,
  });
  return [
    { kind: "script", title: `load the rules of ${table}`, script },
    confirmStep(guard, "connect anew", HINT),
  ];
}

const UFW_FILES = ["/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/etc/ufw/ufw.conf", "/etc/default/ufw"];

/** ufw reads its rules anew, or is off, as its files say. Turning it off says so in its file: that comes after the restored one was read. */
export const UFW_FOLLOWS_FILES = rawShell(
  "if grep -q '^ENABLED=yes' /etc/ufw/ufw.conf; then ufw --force enable && ufw reload; else ufw --force disable; fi",
);

/** Changes ufw, and makes sure that a new connection still gets through. */
export function guardedUfw(title: string, change: ShellText, seconds: number): Step[] {
  const guard = firewallGuard(seconds);
  const script = guarded(guard, {
    putAside: shellLines(
      ...UFW_FILES.map(
        (file) => sh`[ ! -f ${file} ] || cp -p -- ${file} ${`${FOLDER}/${file.replaceAll("/", "_")}`}`,
      ),
    ),
    restore: shellLines(
      ...UFW_FILES.map(
        (file) =>
          sh`[ ! -f ${`${FOLDER}/${file.replaceAll("/", "_")}`} ] || cp -p -- ${`${FOLDER}/${file.replaceAll("/", "_")}`} ${file} || exit 1`,
      ),
      sh`( ${UFW_FOLLOWS_FILES} ) || exit 1`,
    ),
    make: sh`said=$( ( ${change} ) 2>&1) || put_back "ufw: $said"`,
  });
  return [
    settleUnconfirmed(guard),
    { kind: "script", title, script },
    confirmStep(guard, "connect anew", HINT),
  ];
}
