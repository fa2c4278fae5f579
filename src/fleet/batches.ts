/**
 * Hosts cut into the batches of `serial`: the last size goes on until no host is left. Percentages are of all hosts of the play, at least one host
 * (Ansible's `serial`).
 */
export function batchesOf(
  hosts: readonly string[],
  serial: readonly (number | { percent: number })[],
): readonly (readonly string[])[] {
  if (hosts.length === 0) return [];
  if (serial.length === 0) return [hosts];
  const batches: string[][] = [];
  for (let start = 0, index = 0; start < hosts.length; index++) {
    const wanted = serial[Math.min(index, serial.length - 1)] ?? hosts.length;
    const size = typeof wanted === "number" ? wanted : Math.floor((wanted.percent / 100) * hosts.length);
    const end = start + (size <= 0 && typeof wanted === "number" ? hosts.length : Math.max(1, size));
    batches.push(hosts.slice(start, end));
    start = end;
  }
  return batches;
}
