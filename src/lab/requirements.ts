import { existsSync } from "node:fs";

const PROGRAMS: Readonly<Record<string, string>> = {
  "/usr/bin/systemd-nspawn": "systemd-container",
  "/usr/bin/mmdebstrap": "mmdebstrap",
  "/usr/sbin/nft": "nftables",
  "/usr/sbin/ip": "iproute2",
  "/usr/bin/ssh": "openssh-client",
  "/usr/sbin/apt-cacher-ng": "apt-cacher-ng",
};

/** What a lab needs and this machine lacks, in words; empty when all is there. */
export function missingForLab(): string[] {
  const missing: string[] = [];
  if (process.platform !== "linux") missing.push("a lab needs Linux");
  if (process.getuid?.() !== 0) missing.push("a lab needs root: it makes network namespaces and mounts");
  const packages = Object.entries(PROGRAMS)
    .filter(([program]) => !existsSync(program))
    .map(([, name]) => name);
  if (packages.length > 0) missing.push(`Debian packages are missing: apt-get install ${packages.join(" ")}`);
  return missing;
}
