import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface SignatureQuestion {
  dev: string;
  /** Whether there is a mkfs for this type. */
  fstype?: string;
  /** Ask for the sizes too. */
  sizes?: boolean;
}

/** What is on a device, or in a file that stands for one. */
export interface BlockSignature {
  exists: boolean;
  /** Such as "ext4", "swap", "LVM2_member"; of a partition table "gpt" or "dos"; undefined: nothing that anybody knows. */
  signature: string | undefined;
  uuid: string | undefined;
  hasMaker: boolean;
  /** Of the device. */
  deviceBytes: number | undefined;
  /** Of an ext file system. */
  usedBytes: number | undefined;
}

/** Signatures on block devices: one blkid(8) a device, low-level so that no cache answers (util-linux 2.38), and mkfs only looked for. */
export const blockSignature = defineQuery<SignatureQuestion, BlockSignature>({
  name: "block-signature",
  identify: ({ dev, fstype, sizes }) => `${dev}\0${fstype ?? ""}\0${sizes === true}`,
  script: (questions) => ({
    script: shellLines(
      ...questions.map(({ dev, fstype, sizes }) =>
        shellLines(
          sh`dev=${dev} maker=${fstype === undefined ? "" : makerOf(fstype)}`,
          rawShell(`if [ -b "$dev" ] || [ -f "$dev" ]; then
  echo EXISTS=1
  blkid -p -o export -- "$dev"; echo "CODE=$?"
  if [ -n "$maker" ] && command -v "$maker" >/dev/null; then echo MAKER=1; fi`),
          sizes === true
            ? rawShell(`  if [ -b "$dev" ]; then echo "DEVICE=$(blockdev --getsize64 "$dev")"; else echo "DEVICE=$(stat -L -c %s -- "$dev")"; fi
  dumpe2fs -h "$dev" 2>/dev/null | sed -n 's/^Block count: */BLOCKS=/p; s/^Block size: */BLOCK=/p'`)
            : undefined,
          rawShell("elif [ -e \"$dev\" ]; then echo OTHER=1; fi; printf '\\f'"),
        ),
      ),
    ),
  }),
  parse: ({ stdout, stderr }, questions) => {
    const parts = stdout.toString().split("\f");
    return questions.map(({ dev }, index) => {
      const part = parts[index];
      if (part === undefined || index >= parts.length - 1) return notKnown(stderr.trim() || "no answer");
      const fields = new Map(
        part.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
      );
      const field = (name: string): string | undefined => fields.get(name);
      if (field("OTHER") !== undefined) return notKnown(`${dev} is neither a block device nor a file`);
      // 2: nothing found; 8: several signatures that contradict each other (blkid(8)).
      const code = field("CODE");
      if (field("EXISTS") !== undefined && code !== "0" && code !== "2" && code !== "8")
        return notKnown(stderr.trim() || `blkid ${dev}: exit ${code ?? "unknown"}`);
      const [blocks, block, device] = ["BLOCKS", "BLOCK", "DEVICE"].map((name) => Number(field(name)));
      return known({
        exists: field("EXISTS") !== undefined,
        signature: code === "8" ? "several signatures" : (field("TYPE") ?? field("PTTYPE")),
        uuid: field("UUID"),
        hasMaker: field("MAKER") !== undefined,
        deviceBytes: Number.isInteger(device) ? device : undefined,
        usedBytes:
          Number.isInteger(blocks) && blocks !== undefined && block !== undefined
            ? blocks * block
            : undefined,
      });
    });
  },
});

/** Swap has a maker of another name. */
export function makerOf(fstype: string): string {
  return fstype === "swap" ? "mkswap" : `mkfs.${fstype}`;
}
