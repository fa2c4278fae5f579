import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface VolumeGroupQuestion {
  vg: string;
  /** Devices that should be in it. */
  pvs: readonly string[];
}

/** A volume group of LVM, and the devices that are wanted in it. */
export interface VolumeGroup {
  hasLvm: boolean;
  exists: boolean;
  /** Of an extent, the unit in which room is given away. */
  extentBytes: number;
  /** Logical volumes in it. */
  volumes: number;
  members: readonly PhysicalVolume[];
  /** In the order of the question. */
  wanted: readonly WantedDevice[];
}

/** A device that is in the group. */
export interface PhysicalVolume {
  /** With links resolved. */
  device: string;
  /** What volumes take of it. */
  usedBytes: number;
  sizeBytes: number;
  /** Of the device itself, which may have grown. */
  deviceBytes: number;
}

export interface WantedDevice {
  written: string;
  /** With links resolved; undefined: there is no such block device. */
  device: string | undefined;
  /** What is on it, as blkid(8) calls it, such as `LVM2_member`, `ext4`, `gpt`; undefined: nothing that anybody knows. */
  signature: string | undefined;
  /** The group that it is in. */
  vg: string | undefined;
}

/** Volume groups: one vgs(8) and one pvs(8) for all of them (LVM 2.03), and one blkid(8) a device. */
export const volumeGroup = defineQuery<VolumeGroupQuestion, VolumeGroup>({
  name: "volume-group",
  identify: ({ vg, pvs }) => [vg, ...pvs].join("\0"),
  script: (questions) => ({
    script: shellLines(
      rawShell("PATH=$PATH:/usr/sbin:/sbin; export LC_ALL=C"),
      rawShell(`if command -v vgs >/dev/null; then
  groups=$(vgs --noheadings --units b --nosuffix --separator '|' -o vg_name,vg_extent_size,lv_count) || exit 1
  parts=$(pvs --noheadings --units b --nosuffix --separator '|' -o vg_name,pv_used,pv_size,dev_size,pv_name) || exit 1
  echo LVM
  echo "$groups" | sed -n 's/^ *\\(.\\)/V|\\1/p'
  echo "$parts" | while IFS='|' read -r vg used size whole name; do
    [ -z "$name" ] || echo "P|\${vg#"\${vg%%[! ]*}"}|$used|$size|$whole|$(readlink -f -- "$name")"
  done
fi`),
      sh`set -- ${[...new Set(questions.flatMap(({ pvs }) => pvs))]}`,
      rawShell(`for device; do
  if [ -b "$device" ]; then echo "D|$device|$(readlink -f -- "$device")"; else continue; fi
  on=$(blkid -p -o export -- "$device"); code=$?
  case $code in 0) on=$(echo "$on" | sed -n 's/^\\(TYPE\\|PTTYPE\\)=//p' | head -n 1);; 2) on=;; 8) on='several signatures';; *) exit 1;; esac
  echo "S|$device|$on"
done; echo END`),
    ),
  }),
  parse: ({ stdout, stderr }, questions) => {
    const lines = stdout.toString().split("\n");
    if (!lines.includes("END")) return questions.map(() => notKnown(stderr.trim() || "no answer"));
    const rows = (kind: string): string[][] =>
      lines.filter((line) => line.startsWith(`${kind}|`)).map((line) => line.split("|").slice(1));
    const groups = new Map(rows("V").map(([name = "", ...rest]) => [name, rest.map(Number)]));
    const devices = new Map(rows("D").map(([written = "", device = ""]) => [written, device]));
    const signatures = new Map(rows("S").map(([written = "", on = ""]) => [written, on]));
    const members = rows("P").map(([vg = "", used, size, whole, device = ""]) => ({
      vg,
      device,
      usedBytes: Number(used),
      sizeBytes: Number(size),
      deviceBytes: Number(whole),
    }));
    return questions.map(({ vg, pvs }) => {
      const [extentBytes = 0, volumes = 0] = groups.get(vg) ?? [];
      return known({
        hasLvm: lines.includes("LVM"),
        exists: groups.has(vg),
        extentBytes,
        volumes,
        members: members.filter((one) => one.vg === vg),
        wanted: pvs.map((written) => {
          const device = devices.get(written);
          return {
            written,
            device,
            signature: signatures.get(written) || undefined,
            vg: members.find((one) => one.device === device)?.vg || undefined,
          };
        }),
      });
    });
  },
});
