import path from "node:path";

export type Release = "bookworm" | "trixie";

/** A host that a lab should have. */
export interface LabHostSpec {
  name: string;
  release: Release;
}

/** A host of a lab, as it was laid out. */
export interface LabHost extends LabHostSpec {
  address: string;
  /** Position in the lab; names of its network devices come from it. */
  index: number;
}

/** A lab, as it was laid out; kept in its folder as lab.json. */
export interface LabPlan {
  name: string;
  /** Third byte of the subnet 10.213.N.0/24. */
  subnet: number;
  hosts: LabHost[];
  /** Layers with apt's lists, by release; without, a host fetches its own. */
  packageLists?: Partial<Record<Release, string>>;
}

/** Where labs live: on disk what is kept, in memory what is not. */
export function labRoot(): string {
  return process.env["PLUMB_LAB_DIR"] ?? "/var/lib/plumb-lab";
}

export const imagePath = (release: Release): string => path.join(labRoot(), "images", release);
export const labPath = (lab: string): string => path.join(labRoot(), "labs", lab);
export const hostPath = (lab: string, host: string): string => path.join(labPath(lab), "memory", host);
export const keyPath = (lab: string): string => path.join(labPath(lab), "id_ed25519");
export const knownHostsPath = (lab: string): string => path.join(labPath(lab), "known_hosts");

export const bridgeName = (plan: Pick<LabPlan, "subnet">): string => `plumb${plan.subnet}`;
export const bridgeAddress = (plan: Pick<LabPlan, "subnet">): string => `10.213.${plan.subnet}.1`;
export const subnetOf = (plan: Pick<LabPlan, "subnet">): string => `10.213.${plan.subnet}.0/24`;
export const namespaceName = (lab: string, host: string): string => `plumb-${lab}-${host}`;
export const deviceName = (plan: Pick<LabPlan, "subnet">, host: Pick<LabHost, "index">): string =>
  `plumb${plan.subnet}h${host.index}`;

/** Addresses .11 and up; .1 is this machine. */
export function layOut(
  name: string,
  subnet: number,
  specs: readonly LabHostSpec[],
  existing: readonly LabHost[],
): LabPlan {
  const hosts = [...existing];
  for (const spec of specs) {
    if (hosts.some((host) => host.name === spec.name)) continue;
    const used = new Set(hosts.map((host) => host.index));
    let index = 1;
    while (used.has(index)) index += 1;
    hosts.push({ ...spec, index, address: `10.213.${subnet}.${10 + index}` });
  }
  return { name, subnet, hosts };
}
