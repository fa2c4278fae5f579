import { isIP } from "node:net";

/** An address, or a network, as a number. */
export interface IpAddress {
  version: 4 | 6;
  value: bigint;
  /** Bits of the network; absent where none was written. */
  prefix?: number;
}

export const bitsOf = ({ version }: Pick<IpAddress, "version">): number => (version === 4 ? 32 : 128);

/**
 * Reads `10.0.0.1`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fd00::1/64`.
 *
 * @returns undefined for what is none.
 */
export function parseIp(text: string): IpAddress | undefined {
  const [address = "", mask, ...rest] = text.split("/");
  const version = address.includes("%") ? 0 : isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const parsed: IpAddress =
    version === 4 ? { version: 4, value: valueOf4(address) } : { version: 6, value: valueOf6(address) };
  if (mask === undefined) return parsed;
  const prefix = prefixOf(mask, parsed.version);
  return prefix === undefined ? undefined : { ...parsed, prefix };
}

function prefixOf(mask: string, version: 4 | 6): number | undefined {
  if (/^\d{1,3}$/.test(mask)) return Number(mask) <= bitsOf({ version }) ? Number(mask) : undefined;
  if (version !== 4 || isIP(mask) !== 4) return undefined;
  const bits = valueOf4(mask).toString(2).padStart(32, "0");
  return /^1*0*$/.test(bits) ? bits.replaceAll("0", "").length : undefined;
}

const valueOf4 = (address: string): bigint =>
  address.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n);

function valueOf6(address: string): bigint {
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const last = embedded?.[2] === undefined ? undefined : valueOf4(embedded[2]);
  const text =
    last === undefined
      ? address
      : `${embedded?.[1] ?? ""}${(last >> 16n).toString(16)}:${(last & 0xffffn).toString(16)}`;
  const [head = "", tail] = text.split("::");
  const parts = (half: string | undefined): string[] =>
    half === undefined || half === "" ? [] : half.split(":");
  const middle = tail === undefined ? 0 : 8 - parts(head).length - parts(tail).length;
  const groups = [...parts(head), ...Array.from({ length: middle }, () => "0"), ...parts(tail)];
  return groups.reduce((value, group) => value * 65536n + BigInt(`0x${group}`), 0n);
}

/** The address as text; IPv6 as RFC 5952 writes it. */
export function ipText({ version, value }: Pick<IpAddress, "version" | "value">): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(112 - 16 * index)) & 0xffffn),
  );
  let [start, length] = [-1, 1];
  for (let index = 0; index < 8; index++) {
    let end = index;
    while (end < 8 && groups[end] === 0) end++;
    if (end - index > length) [start, length] = [index, end - index];
    index = Math.max(index, end);
  }
  const text = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(":");
  if (start === -1) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** Bits that belong to the network, as a number. */
export function maskOf({ version, prefix = bitsOf({ version }) }: IpAddress): bigint {
  const bits = BigInt(bitsOf({ version }));
  return ((1n << BigInt(prefix)) - 1n) << (bits - BigInt(prefix));
}

export const networkOf = (address: IpAddress): IpAddress => ({
  ...address,
  value: address.value & maskOf(address),
});

/** The network's last address. */
export const lastOf = (address: IpAddress): bigint =>
  networkOf(address).value + (1n << BigInt(bitsOf(address) - (address.prefix ?? bitsOf(address)))) - 1n;
