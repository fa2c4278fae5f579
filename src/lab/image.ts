import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { runCommand } from "./command.ts";
import { imagePath, type Release } from "./plan.ts";

/** What a fresh VM has before Plumb has seen it; no Python. */
const PACKAGES =
  "systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,iproute2,sudo,ca-certificates,procps,nftables,openssl,netbase,kmod";

/** Twenty hosts must not wake up together or hold the dpkg lock; trixie's networkd would take the address off. */
const MASKED_UNITS = [
  "apt-daily.service",
  "apt-daily.timer",
  "apt-daily-upgrade.service",
  "apt-daily-upgrade.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  "getty@tty1.service",
  "console-getty.service",
  "systemd-timesyncd.service",
  "systemd-networkd.service",
  "systemd-networkd.socket",
  "systemd-networkd-wait-online.service",
  "systemd-resolved.service",
];

/** Password of the user `operator`, whose sudo asks for it. */
export const OPERATOR_PASSWORD = "lab operator's password";

/** Done in every image: users to try each way of becoming root, masked units, an sshd that starts fast. */
const CUSTOMISE = [
  "useradd --create-home --shell /bin/bash admin",
  "useradd --create-home --shell /bin/bash --gid operator operator",
  `printf '%s\\n' "operator:${OPERATOR_PASSWORD}" "root:${OPERATOR_PASSWORD}" | chpasswd`,
  "printf '%s\\n' 'admin ALL=(ALL:ALL) NOPASSWD: ALL' 'operator ALL=(ALL:ALL) ALL' > /etc/sudoers.d/lab",
  "chmod 0440 /etc/sudoers.d/lab",
  "rm -f /etc/ssh/ssh_host_*",
  "printf '%s\\n' 'UseDNS no' 'MaxStartups 100:30:200' > /etc/ssh/sshd_config.d/lab.conf",
  `cd /etc/systemd/system && for unit in ${MASKED_UNITS.join(" ")}; do ln -sf /dev/null "$unit"; done`,
  "rm -f /etc/machine-id && touch /etc/machine-id",
].join(" && ");

function sourcesOf(release: Release): string {
  return [
    `deb http://deb.debian.org/debian ${release} main`,
    `deb http://deb.debian.org/debian ${release}-updates main`,
    `deb http://deb.debian.org/debian-security ${release}-security main`,
  ].join("\n");
}

/** Changes with everything an image is made from, so that an old one is made anew. */
function recipe(release: Release): string {
  return createHash("sha256")
    .update(JSON.stringify([PACKAGES, CUSTOMISE, sourcesOf(release)]))
    .digest("hex");
}

/**
 * Makes the root file system of a Debian release unless it is there: about a minute and 250 MB.
 *
 * @throws CommandFailure
 */
export async function ensureImage(
  release: Release,
  proxy: string | undefined,
  onProgress: (line: string) => void,
): Promise<void> {
  const image = imagePath(release);
  const stamp = path.join(path.dirname(image), `${release}.recipe`);
  const wanted = recipe(release);
  if (existsSync(image) && (await readFile(stamp, "utf8").catch(() => "")) === wanted) return;
  onProgress(`building the ${release} image (about a minute, once)`);
  await mkdir(path.dirname(image), { recursive: true });
  const unfinished = `${image}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await runCommand(
    [
      "mmdebstrap",
      "--mode=root",
      "--variant=minbase",
      `--include=${PACKAGES}`,
      `--customize-hook=chroot "$1" sh -c ${shellQuote(CUSTOMISE)}`,
      ...(proxy === undefined ? [] : [`--aptopt=Acquire::http::Proxy "${proxy}"`]),
      release,
      unfinished,
      "-",
    ],
    { input: `${sourcesOf(release)}\n`, onLine: (line) => onProgress(`${release}: ${line}`) },
  );
  await rm(path.join(unfinished, "etc/apt/apt.conf.d/99mmdebstrap"), { force: true });
  await rm(image, { recursive: true, force: true });
  await rename(unfinished, image);
  await writeFile(stamp, wanted);
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
