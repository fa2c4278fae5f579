/**
 * Shell text that has Debian's packages on a host, without those that they recommend (cron would bring a mail server), for what tests prepare themselves. Where all are there apt is not even
 * started: reading its lists costs a second of a processor, and fetching them two. Fails as apt does, and says why.
 */
export function havePackages(...names: readonly string[]): string {
  const all = names.join(" ");
  const installed = `dpkg-query -Wf '\${db:Status-Status}\\n' ${all} 2>/dev/null | grep -cx installed`;
  const install = `DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends ${all}`;
  return `{ [ "$(${installed})" = ${names.length} ] || { { ls /var/lib/apt/lists/*Packages* || apt-get -qq update; } >/dev/null 2>&1; said=$(${install} </dev/null 2>&1) || { printf '%s\\n' "$said" >&2; false; }; }; }`;
}
