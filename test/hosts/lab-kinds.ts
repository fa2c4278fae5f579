import type { LabHostSpec } from "../../src/lab/plan.ts";

/** `single`: two releases for the modules, and a third host for what plays do with several. `fleet`: the four of the main job and a monitoring host; `alsoHost` adds what one file needs besides. */
export type Kind = "single" | "fleet";

const HOSTS: Readonly<Record<Kind, readonly LabHostSpec[]>> = {
  single: [
    { name: "bookworm1", release: "bookworm" },
    { name: "trixie1", release: "trixie" },
    { name: "bookworm2", release: "bookworm" },
  ],
  fleet: [
    { name: "db1", release: "bookworm" },
    { name: "pool1", release: "bookworm" },
    { name: "pool2", release: "trixie" },
    { name: "app1", release: "bookworm" },
    { name: "mon1", release: "trixie" },
  ],
};

export const hostsOf = (kind: Kind): readonly LabHostSpec[] => HOSTS[kind];
