import { onHost } from "../lab-hosts.ts";

/**
 * Everything on a host that an installation could leave: packages, accounts, units, firewall, ports, and files with owner, mode and content; without what changes by itself, what belongs to
 * packages (they are listed), the accounts that Debian's packages make and never take away, perl, python3 and libip4tc2, which apt keeps because others suggest them, Plumb's own state, and /etc/hosts, where the lab names
 * the hosts that it has when one of them starts.
 */
const SNAPSHOT = `exec 2>/dev/null
python='/etc/python3|/etc/inputrc|/etc/mime.types|/usr/local/lib/python3|/var/lib/python'
find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /usr/share -o -path /usr/lib -o -path /usr/bin -o -path /usr/sbin -o -path /var/cache -o -path /var/log/journal -o -path /var/log/apt -o -path /var/lib/plumb -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /var/lib/dpkg -o -path /var/lib/ucf -o -path /var/backups -o -path /root -o -path /home -o -path /etc/perl \\) -prune -o \\( -type f -o -type l -o -type d \\) -printf '%y %m %u %g %p %l\\n' | grep -v -E ' (/etc/(passwd|group|shadow|gshadow|subuid|subgid)-|/var/log/(dpkg|alternatives|lastlog|wtmp|btmp)[^ ]*|/etc/ld.so.cache|/etc/.pwd.lock) ' | grep -v -E " ($python)" | sort
find /etc /usr/local -xdev -type f ! -name '*-' ! -name ld.so.cache ! -path /etc/hosts ! -path '/etc/ssl/certs/*' ! -path '/etc/perl/*' ! -path /etc/passwd ! -path /etc/group ! -path /etc/shadow ! -path /etc/gshadow -exec sha256sum {} + | grep -v -E " ($python)" | sort -k 2
dpkg-query -W -f 'package \${Package} \${Version} \${db:Status-Abbrev}\\n' | grep -v -E ' (perl|libperl|perl-modules|libgdbm|python3|libpython3|libffi8|libip4tc2|libreadline|readline-common|libsqlite3|media-types)[^ ]* '
getent passwd | grep -v '^postgres:'; getent group | grep -v -E '^(postgres|ssl-cert):'
systemctl list-unit-files --no-legend --plain | awk '/plumb|pgb|postgres|nftables/ { print "unit", $1, $2 }'
nft list ruleset; ss -Hltn | awk '{ print "listens", $4 }' | sort
ls -d /run/*pgb* /run/*plumb* /run/postgresql /run/systemd/transient/plumb*; true`;

const remembered = new Map<string, string>();

/** Takes down what hosts are like now. */
export async function rememberHosts(hosts: readonly string[]): Promise<void> {
  for (const host of hosts) remembered.set(host, await snapshot(host));
}

/** What is otherwise than it was when the host was remembered: "+ file …", "- unit …". */
export async function differencesSince(host: string): Promise<string[]> {
  const before = new Set(remembered.get(host)?.split("\n"));
  const after = new Set((await snapshot(host)).split("\n"));
  return [
    ...[...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
    ...[...before].filter((line) => !after.has(line)).map((line) => `- ${line}`),
  ];
}

const snapshot = (host: string): Promise<string> => onHost(host, SNAPSHOT);
