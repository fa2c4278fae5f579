import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known } from "./query.ts";

/** The host's name: in the kernel, and as it is kept for the next boot. */
export const hostName = defineQuery<"own", { live: string; kept: string }>({
  name: "host-name",
  identify: (key) => key,
  script: () => ({
    script: rawShell("cat /proc/sys/kernel/hostname; [ ! -f /etc/hostname ] || cat /etc/hostname; exit 0"),
  }),
  parse: (output) => {
    const [live = "", kept = ""] = output.stdout.toString().split("\n");
    return [known({ live: live.trim(), kept: kept.trim() })];
  },
});
