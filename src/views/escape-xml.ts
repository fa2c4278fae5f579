import { safeText } from "./safe-text.ts";

/** Text for XML 1.0, in quoted attributes too. It allows no control characters but tab and line ends, not even escaped; a terminal would obey others. */
export function escapeXml(text: string): string {
  return safeText(text, { newlines: true })
    .replace(/[\ufffe\uffff]/g, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;");
}
