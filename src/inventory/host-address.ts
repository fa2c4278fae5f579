const NUMERIC_RANGE = "\\[[0-9]+:[0-9]+(?::[0-9]+)?\\]";
const HEXADECIMAL_RANGE = "\\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\\]";
const LETTER_RANGE = "\\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\\]";

const V4 = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|${NUMERIC_RANGE})`;
const V6 = `(?:[0-9a-f]{1,4}|${HEXADECIMAL_RANGE})`;
const WORD = "[\\p{L}\\p{N}_]";
const LABEL = `(?:${WORD}|${LETTER_RANGE})(?:[\\p{L}\\p{N}_\\-]|${LETTER_RANGE})*(?<![_\\-])`;

/** What most names look like. The expressions below say the same and more, and take milliseconds to compile. */
const PLAIN_NAME = /^[0-9a-z](?:[0-9a-z-]*[0-9a-z])?(?:\.[0-9a-z](?:[0-9a-z-]*[0-9a-z])?)*$/i;

const IPV4 = new RegExp(`^(?:${V4}\\.){3}${V4}$`, "iu");
/** All ways to write an IPv6 address (RFC 4291, section 2.2), with ranges in place of its parts. */
const IPV6 = new RegExp(
  `^(?:${[
    `(?:${V6}:){7}${V6}`,
    `(?:${V6}:){1,6}:`,
    ...[6, 5, 4, 3, 2, 1].map((most, index) => `(?:${V6}:){${index + 1}}(?::${V6}){1,${most}}`),
    `:(?::${V6}){1,6}`,
    `${V6}?::`,
    `(?:0:){6}(?:${V6}\\.){3}${V6}`,
    `::(?:ffff:)?(?:${V6}\\.){3}${V6}`,
    `(?:0:){5}ffff:(?:${V6}\\.){3}${V6}`,
  ].join("|")})$`,
  "iu",
);
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, "iu");

const IN_BRACKETS_WITH_PORT = /^\[(.+)\]:([0-9]+)$/;
const WITH_PORT = /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/;

export interface HostAddress {
  host: string;
  port?: number;
}

/**
 * Reads `name`, `name:port`, an IPv4 address with or without port, an IPv6 address, or anything in brackets with a port; each may have ranges in it.
 *
 * @returns undefined when it is none of these, such as several patterns joined with `:`.
 */
export function hostAddress(text: string): HostAddress | undefined {
  let host = text;
  let port: number | undefined;
  for (const form of [IN_BRACKETS_WITH_PORT, WITH_PORT]) {
    const found = form.exec(host);
    if (found === null) continue;
    host = found[1] ?? "";
    port = Number(found[2]);
  }
  if (!PLAIN_NAME.test(host) && ![IPV4, IPV6, NAME].some((form) => form.test(host))) return undefined;
  return port === undefined ? { host } : { host, port };
}
