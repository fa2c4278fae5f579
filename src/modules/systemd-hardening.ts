/** Named sets of restrictions for services (systemd.exec(5), systemd 252). Settings of the unit itself win over them. */
export type Hardening = "none" | "default" | "strict";

/** What hardly any service misses. */
const DEFAULT_RESTRICTIONS: Readonly<Record<string, string>> = {
  NoNewPrivileges: "yes",
  ProtectSystem: "full",
  ProtectHome: "yes",
  PrivateTmp: "yes",
  PrivateDevices: "yes",
  ProtectControlGroups: "yes",
  ProtectKernelTunables: "yes",
  ProtectKernelModules: "yes",
  ProtectKernelLogs: "yes",
  ProtectClock: "yes",
  ProtectHostname: "yes",
  RestrictSUIDSGID: "yes",
  RestrictRealtime: "yes",
  LockPersonality: "yes",
  SystemCallArchitectures: "native",
};

/**
 * A network service that needs no privileges at all: what PgBouncer runs under with every function tried. RemoveIPC is left out on purpose: with it
 * systemd deletes the shared memory of whatever else runs under the same user when the service stops.
 */
const STRICT_RESTRICTIONS: Readonly<Record<string, string | readonly string[]>> = {
  ...DEFAULT_RESTRICTIONS,
  ProtectSystem: "strict",
  CapabilityBoundingSet: "",
  AmbientCapabilities: "",
  SecureBits: "noroot-locked no-setuid-fixup-locked",
  DevicePolicy: "closed",
  PrivateUsers: "yes",
  PrivateIPC: "yes",
  PrivateMounts: "yes",
  ProtectProc: "invisible",
  ProcSubset: "pid",
  KeyringMode: "private",
  MemoryDenyWriteExecute: "yes",
  RestrictNamespaces: "yes",
  RestrictAddressFamilies: "AF_UNIX AF_INET AF_INET6",
  SystemCallErrorNumber: "EPERM",
  SystemCallFilter: [
    "@system-service",
    "~@privileged @resources @mount @debug @cpu-emulation @obsolete @raw-io @reboot @swap @module @clock @keyring @memlock @setuid @chown @timer @pkey",
  ],
  LimitCORE: "0",
  UMask: "0077",
};

/** The settings of a preset, for the [Service] section. */
export function hardeningSettings(preset: Hardening): Readonly<Record<string, string | readonly string[]>> {
  switch (preset) {
    case "none":
      return {};
    case "default":
      return DEFAULT_RESTRICTIONS;
    case "strict":
      return STRICT_RESTRICTIONS;
  }
}
