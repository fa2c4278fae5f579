import { beforeAll } from "vitest";
import { lab } from "./lab.ts";
import { onHost } from "./lab-hosts.ts";

/**
 * The files of a project share its hosts: what one leaves running, logged in or lying about must not decide another. So what was not there when a file began goes when it
 * ends: services, users, firewall tables, what lies in /srv and /opt, and what Plumb remembers there. Packages stay: installing them again would take long.
 */
const LOOK = `running() { systemctl list-units --type=service --state=running,activating --plain --no-legend | cut -d' ' -f1 | grep -v -e '^user@' -e '^systemd-' -e '^ssh@' | sort; }
users() { getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 { print $1 }' | sort; }
tables() { nft list tables | cut -d' ' -f2- | sort; }
lying() { ls -d /srv/* /srv/.[!.]* /opt/* 2>/dev/null | sort; }`;

const BEFORE = `${LOOK}
mkdir -p /root/found && cd /root/found && for one in running users tables lying; do $one > $one; done`;

const AFTER = `${LOOK}
cd /root/found 2>/dev/null || exit 0
new() { $1 | comm -13 "$1" -; }
new running | while read -r one; do systemctl disable --now -q "$one" 2>/dev/null || systemctl stop -q "$one" </dev/null; done
new users | while read -r one; do userdel -rf "$one" >/dev/null 2>&1; done
new tables | while read -r one; do nft delete table $one; done
new lying | while IFS= read -r one; do rm -rf --one-file-system -- "$one"; done
rm -rf /root/found /var/lib/plumb; true`;

const everywhere = (script: string): Promise<unknown> =>
  Promise.all(lab.hosts.map(({ name }) => onHost(name, script)));

// Behind whatever the file itself does in the end: what `beforeAll` gives runs last.
beforeAll(async () => {
  await everywhere(BEFORE);
  return async () => {
    await everywhere(AFTER);
  };
});
