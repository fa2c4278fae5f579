import { onHost } from "../lab-hosts.ts";

/** Debian's package again under a version above the installed one, in a repository on the host; on hold, as it should be. */
const NEWER = `set -e; exec >/dev/null 2>&1
version=$(dpkg-query -Wf '\${Version}' pgbouncer)+plumb
cd $(mktemp -d) && apt-get -q download pgbouncer/$(. /etc/os-release; echo $VERSION_CODENAME) && dpkg-deb -R pgbouncer_*.deb tree
sed -i "s/^Version: .*/Version: $version/" tree/DEBIAN/control
mkdir -p /srv/newer && dpkg-deb -Znone -b tree /srv/newer/pgbouncer.deb && cd /srv/newer
{ dpkg-deb -f pgbouncer.deb; echo "Filename: ./pgbouncer.deb"; echo "Size: $(stat -c %s pgbouncer.deb)"; echo "SHA256: $(sha256sum pgbouncer.deb | cut -d ' ' -f 1)"; echo; } > Packages
echo "deb [trusted=yes] file:/srv/newer ./" > /etc/apt/sources.list.d/newer.list
apt-get update -o Dir::Etc::SourceList=/dev/null -o APT::Get::List-Cleanup=0; apt-mark hold pgbouncer`;

/** Hosts whose apt knows a newer PgBouncer. */
export const offerNewer = async (hosts: readonly string[]): Promise<void> =>
  void (await Promise.all(hosts.map((host) => onHost(host, NEWER))));

/** Version, whether it is on hold, and what the processes run. */
export const installedAndRunning = (host: string): Promise<string> =>
  onHost(
    host,
    "dpkg-query -Wf '${Version} ' pgbouncer; apt-mark showhold; for pid in $(pidof pgbouncer); do readlink /proc/$pid/exe; done",
  );

/** The package stays, and nothing else. */
export const withdrawNewer = async (hosts: readonly string[]): Promise<void> =>
  void (await Promise.all(
    hosts.map((host) =>
      onHost(host, "apt-mark -q unhold pgbouncer; rm -r /etc/apt/sources.list.d/newer.list /srv/newer"),
    ),
  ));
