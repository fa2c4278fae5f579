/** Programs break base64 into lines of these lengths (base64(1), RFC 2045; PEM, RFC 7468). */
const BASE64_LINES = [76, 64];
/** The last line of broken base64 is often short; as short as this it could be anything. */
const SHORTEST_BASE64 = 8;

/**
 * The ways in which programs write a text down: as it is, inside of JSON (and JSON inside of JSON), in quotes of the shell, SQL or an INI file, in a URL,
 * in hexadecimal digits, and in base64, by itself or somewhere inside of a longer text.
 */
export function writtenForms(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const forms = [
    value,
    json,
    JSON.stringify(json).slice(1, -1),
    value.replaceAll("'", "'\\''"),
    // What `sh -x` of dash prints.
    value.replaceAll("'", "'\"'\"'"),
    value.replaceAll("'", "''"),
    value.replaceAll('"', '""'),
    // printf %q.
    value.replace(/[^A-Za-z0-9_/.,:@%+=-]/g, "\\$&"),
    encodeURIComponent(value.toWellFormed()),
    Buffer.from(value).toString("hex"),
    ...base64Forms(Buffer.from(value)),
  ];
  return [...new Set(forms)];
}

/** By itself, broken into lines, and the part that is the same wherever in a longer text the value stands: three bytes make four characters. */
function base64Forms(bytes: Buffer): string[] {
  const forms: string[] = [];
  for (const content of [bytes, Buffer.concat([bytes, Buffer.from("\n")])]) {
    const whole = content.toString("base64");
    forms.push(whole);
    for (const width of BASE64_LINES) {
      if (whole.length <= width) continue;
      const lines = whole.match(new RegExp(`.{1,${width}}`, "g")) ?? [];
      forms.push(...lines.filter((line) => line.length >= SHORTEST_BASE64));
    }
  }
  for (let before = 0; before < 3; before++) {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
    const start = Math.ceil((before * 8) / 6);
    forms.push(shifted.toString("base64").slice(start, Math.floor((shifted.length * 8) / 6)));
  }
  return forms.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}
