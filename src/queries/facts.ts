import { rawShell } from "../shell/shell-text.ts";
import { USER_ID } from "../shell/state-directory.ts";
import type { ValueMap } from "../variables/value.ts";
import { installedVersions, LIST_PACKAGES, packageList } from "./package-list.ts";
import { defineQuery, known, notKnown, type QueryOutput } from "./query.ts";

/** Facts of a host under Ansible's names, without the `ansible_` prefix. */
export type Facts = ValueMap;

/**
 * Operating system, kernel, CPU, memory, addresses, systemd. Read from files by the shell itself wherever that is possible: this is asked in every run, and a
 * process costs more than a file.
 */
/** Where Ansible asks the way to; nothing is sent there. */
const FAR_IPV6 = "2404:6800:400a:800::1012";

// Gathered, and printed at once: each line would travel as a packet of its own.
const SCRIPT = rawShell(String.raw`
printf '%s\n' "$(
say() { printf '%s=%s\n' "$1" "$2"; }
[ -r /etc/os-release ] && while IFS= read -r line; do printf 'os.%s\n' "$line"; done < /etc/os-release
read -r release < /proc/sys/kernel/osrelease && say kernel "$release"
read -r version < /proc/sys/kernel/version && say kernel_version "$version"
read -r node < /proc/sys/kernel/hostname && say nodename "$node"
read -r domain < /proc/sys/kernel/domainname && say domain "$domain"
[ -r /etc/debian_version ] && read -r debian < /etc/debian_version && say debian_version "$debian"
grep -hE '^(MemTotal|MemFree|SwapTotal|processor|model name)' /proc/meminfo /proc/cpuinfo
[ -d /run/systemd/system ] && say service_mgr systemd
[ -r /run/systemd/container ] && read -r container < /run/systemd/container && say container "$container"
say user_id "$USER"; say user_dir "$HOME"
${USER_ID.shell}
say uid "$user_id"
{ [ -r /proc/sys/kernel/arch ] && read -r machine < /proc/sys/kernel/arch; } || machine=$(uname -m); say machine "$machine"
for systemd in /usr/lib/systemd/libsystemd-shared-*.so /usr/lib/*/systemd/libsystemd-shared-*.so /lib/systemd/libsystemd-shared-*.so; do [ -e "$systemd" ] && say systemd "$systemd" && break; done
${LIST_PACKAGES.shell}
if command -v ip >/dev/null; then
  # Not every ip reads a list of commands; one without a way out by IPv6 ends it there, and has said the rest.
  addresses=$(ip -o -batch - 2>/dev/null <<COMMANDS
address show
route show default
route get ${FAR_IPV6}
COMMANDS
)
  [ -n "$addresses" ] || addresses=$({ ip -o address show; ip -4 route show default; ip -6 route get ${FAR_IPV6}; } 2>/dev/null)
  printf '%s\n' "$addresses"
fi
)"
`);

export const facts = defineQuery<"all", Facts>({
  name: "facts",
  identify: (key) => key,
  script: () => ({ script: SCRIPT }),
  parse: (output) => [parseFacts(output)],
});

/** `key=value` of ours, `key : value` of /proc/cpuinfo and /proc/meminfo, `1: lo …` of `ip -o address` `default via …` of `ip route`, and the way to a far address. */
function parseLine(line: string): [key: string, value: string] {
  if (/^\d+: /.test(line)) return ["address", line];
  if (line.startsWith("default ")) return ["route4", line];
  if (line.startsWith(`${FAR_IPV6} `)) return ["route6", line];
  const [, key = "", value = ""] =
    /^(processor|model name|Mem\w+|SwapTotal)\s*:\s*(.*)$/.exec(line) ?? /^([^=]+)=(.*)$/.exec(line) ?? [];
  return [key, value];
}

/** Facts that are others whenever they are asked for. */
export const FLEETING_FACTS: readonly string[] = ["memfree_mb"];

/** What a host will probably say again. */
export function withoutFleeting(facts: Facts): Facts {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !FLEETING_FACTS.includes(name)));
}

function parseFacts(output: QueryOutput): ReturnType<typeof known<Facts>> | { known: false; reason: string } {
  const lines = new Map<string, string[]>();
  const text = output.stdout.toString();
  for (const line of text.split("\n")) {
    if (line.startsWith("package=")) continue;
    const [key, value] = parseLine(line);
    const before = lines.get(key);
    if (before === undefined) lines.set(key, [value]);
    else before.push(value);
  }
  const one = (key: string): string | undefined => lines.get(key)?.[0];
  if (one("kernel") === undefined)
    return notKnown(`the host said no facts: ${output.stderr.trim() || "is /proc mounted?"}`);
  return known({
    ...ownTexts({ ...systemFacts(lines), ...addressFacts(lines) }),
    package_versions: installedVersions(packageList(text)),
  });
}

/** The same facts: a piece of the host's answer would hold all of it, for each host as long as the run goes. */
const ownTexts = (facts: Facts): Facts => JSON.parse(JSON.stringify(facts));

function systemFacts(lines: ReadonlyMap<string, readonly string[]>): Facts {
  const one = (key: string): string | undefined => lines.get(key)?.[0];
  const os = (key: string): string => unquoted(one(`os.${key}`) ?? "");
  const id = os("ID");
  const version = os("VERSION_ID");
  const kibibytes = (key: string): number => Math.floor(Number.parseInt(one(key) ?? "0", 10) / 1024);
  const node = one("nodename") ?? "";
  const domain = one("domain") ?? "";
  const domainName = domain === "(none)" ? "" : domain;
  const family = familyOf(id, os("ID_LIKE").split(" "));
  return {
    distribution: DISTRIBUTIONS[id] ?? os("NAME"),
    distribution_version: version,
    distribution_major_version: version.split(".")[0] ?? "",
    distribution_release: os("VERSION_CODENAME"),
    distribution_full_version: one("debian_version") ?? version,
    os_family: family,
    pkg_mgr: PACKAGE_MANAGERS[family] ?? "unknown",
    kernel: one("kernel") ?? "",
    kernel_version: one("kernel_version") ?? "",
    system: "Linux",
    architecture: one("machine") ?? "",
    machine: one("machine") ?? "",
    nodename: node,
    hostname: node.split(".")[0] ?? "",
    domain: node.includes(".") ? node.slice(node.indexOf(".") + 1) : domainName,
    fqdn: domainName === "" || node.includes(".") ? node : `${node}.${domainName}`,
    processor_vcpus: lines.get("processor")?.length ?? 0,
    processor_model: one("model name") ?? "",
    memtotal_mb: kibibytes("MemTotal"),
    memfree_mb: kibibytes("MemFree"),
    swaptotal_mb: kibibytes("SwapTotal"),
    service_mgr: one("service_mgr") ?? "unknown",
    systemd_version: Number(/libsystemd-shared-(\d+)/.exec(one("systemd") ?? "")?.[1] ?? 0),
    virtualization_type: one("container") ?? "unknown",
    user_id: one("user_id") ?? "",
    user_dir: one("user_dir") ?? "",
    user_uid: Number(one("uid") ?? 0),
  };
}

function familyOf(id: string, like: readonly string[]): string {
  const families = [id, ...like];
  if (families.includes("debian")) return "Debian";
  if (families.some((name) => ["rhel", "fedora", "centos"].includes(name))) return "RedHat";
  return DISTRIBUTIONS[id] ?? id;
}

/** By family, of those that Plumb knows. */
const PACKAGE_MANAGERS: Readonly<Record<string, string>> = { Debian: "apt", RedHat: "dnf", Alpine: "apk" };

/** Ansible's spelling where it differs from the `NAME` of os-release. */
const DISTRIBUTIONS: Readonly<Record<string, string>> = {
  debian: "Debian",
  ubuntu: "Ubuntu",
  fedora: "Fedora",
  rocky: "Rocky",
  almalinux: "AlmaLinux",
  rhel: "RedHat",
  alpine: "Alpine",
};

/** From `ip -o address` (iproute2 6.1): index, device, family, address/prefix. */
function addressFacts(lines: ReadonlyMap<string, readonly string[]>): Facts {
  const v4: string[] = [];
  const v6: string[] = [];
  const devices = new Map<string, string[]>();
  const written = new Map<string, string[]>();
  for (const line of lines.get("address") ?? []) {
    const found = /^\d+:\s+(\S+)\s+(inet6?)\s+(([^/\s]+)\S*)/.exec(line);
    const [, device = "", family, withPrefix = "", address = ""] = found ?? [];
    if (found === null) continue;
    devices.set(device, [...(devices.get(device) ?? []), address]);
    written.set(device, [...(written.get(device) ?? []), withPrefix]);
    if (device === "lo") continue;
    if (family === "inet") v4.push(address);
    else v6.push(address);
  }
  const route = (key: "route4" | "route6"): Facts => {
    const isOfKind = (address: string): boolean => address.includes(":") === (key === "route6");
    return wayOut(lines.get(key)?.[0] ?? "", (device) => devices.get(device)?.find(isOfKind));
  };
  return {
    all_ipv4_addresses: v4,
    all_ipv6_addresses: v6,
    interfaces: [...devices.keys()],
    // Plumb's own: Ansible has a fact for each interface, named after it.
    interface_addresses: Object.fromEntries(written),
    default_ipv4: route("route4"),
    default_ipv6: route("route6"),
  };
}

/** By which interface, from which address and through which neighbour packets leave the host; nothing of each where there is no such way. */
function wayOut(route: string, addressOf: (device: string) => string | undefined): Facts {
  const word = (name: string): string | undefined => new RegExp(`\\b${name} (\\S+)`).exec(route)?.[1];
  const device = word("dev");
  if (device === undefined) return {};
  const gateway = word("via");
  const address = word("src") ?? addressOf(device);
  return {
    interface: device,
    ...(address === undefined ? {} : { address }),
    ...(gateway === undefined ? {} : { gateway }),
  };
}

function unquoted(text: string): string {
  return text.replace(/^(["'])(.*)\1$/, "$2");
}
