import type { Facts } from "./facts.ts";

/** Which facts belong to which subset of Ansible's `gather_subset`; all others are of `min`. */
const SUBSETS: Readonly<Record<string, (name: string) => boolean>> = {
  hardware: (name) => /^(processor|mem|swap|devices|mounts)/.test(name),
  network: (name) => /^(all_ipv|default_ipv|interface)/.test(name),
  virtual: (name) => name.startsWith("virtualization_"),
};

/** Names that Ansible takes too: its collectors of single facts, which here are all of `min` or come with a subset. */
const COLLECTORS: Readonly<Record<string, string>> = {
  apparmor: "min",
  caps: "min",
  cmdline: "min",
  date_time: "min",
  devices: "hardware",
  default_ipv4: "network",
  default_ipv6: "network",
  distribution: "min",
  dns: "min",
  env: "min",
  facter: "min",
  fips: "min",
  interfaces: "network",
  local: "min",
  lsb: "min",
  mounts: "hardware",
  ohai: "min",
  pkg_mgr: "min",
  platform: "min",
  processor: "hardware",
  python: "min",
  selinux: "min",
  service_mgr: "min",
  system: "min",
  user: "min",
  virtualization_type: "virtual",
};

/** Names that `gather_subset` takes, `!` in front aside. */
export function knownFactSubsets(): string[] {
  return ["all", "min", ...Object.keys(SUBSETS), ...Object.keys(COLLECTORS)];
}

/** Whether `gather_subset` takes the word. */
export function isFactSubset(word: string): boolean {
  return knownFactSubsets().includes(word.replace(/^!/, ""));
}

/**
 * The facts that a `gather_subset` leaves. As in Ansible, what is asked for comes on top of `min`, unless `!min` or (without anything else asked for)
 * the list only takes away.
 */
export function factsIn(facts: Facts, words: readonly string[]): Facts {
  const meant = (word: string): string => COLLECTORS[word] ?? word;
  const taken = words.filter((word) => word.startsWith("!")).map((word) => meant(word.slice(1)));
  const asked = words.filter((word) => !word.startsWith("!")).map(meant);
  const wantsAll = asked.includes("all") || (asked.length === 0 && !taken.includes("all"));
  const subsetOf = (name: string): string =>
    Object.entries(SUBSETS).find(([, holds]) => holds(name))?.[0] ?? "min";
  const isWanted = (subset: string): boolean => {
    if (asked.includes(subset)) return true;
    if (taken.includes(subset)) return false;
    return subset === "min" || wantsAll;
  };
  return Object.fromEntries(Object.entries(facts).filter(([name]) => isWanted(subsetOf(name))));
}
