/**
 * The parts of a certificate's subject or issuer, in order. Node.js tells one on each line, with a `\` before what RFC 2253 gives a meaning (`,` `"` `+` `\` …), and control
 * characters as two digits.
 */
export function nameParts(name: string | undefined): [key: string, value: string][] {
  return (name ?? "")
    .split("\n")
    .filter((line) => line.includes("="))
    .map((line) => {
      const end = line.indexOf("=");
      return [line.slice(0, end), unescaped(line.slice(end + 1))];
    });
}

/** Whether somebody is one of those for whom a certificate is. */
export function isFor(subject: string | undefined, commonName: string): boolean {
  return nameParts(subject).some(([key, value]) => key === "CN" && value === commonName);
}

function unescaped(text: string): string {
  return text.replace(/\\([0-9A-F]{2}|.)/g, (_, written: string) =>
    written.length === 1 ? written : String.fromCharCode(Number.parseInt(written, 16)),
  );
}
