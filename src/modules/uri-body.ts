import type { Value } from "../variables/value.ts";

/** How a body is written. */
export type BodyFormat = "raw" | "json" | "form-urlencoded";

/** The bytes to send, and what they are. */
export function bodyOf(
  body: Value,
  format: BodyFormat,
): { body: Uint8Array | undefined; contentType?: string } {
  if (body === null) return { body: undefined };
  if (format === "json") {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return { body: Buffer.from(text), contentType: "application/json" };
  }
  if (format === "form-urlencoded" && typeof body === "object") {
    const pairs = new URLSearchParams();
    for (const pair of Array.isArray(body) ? body : Object.entries(body)) {
      const [name = "", value = ""] = [pair].flat().map(String);
      pairs.append(name, value);
    }
    return {
      body: Buffer.from(pairs.toString()),
      contentType: "application/x-www-form-urlencoded",
    };
  }
  const text = typeof body === "object" ? JSON.stringify(body) : String(body);
  return {
    body: Buffer.from(text),
    ...(format === "form-urlencoded" ? { contentType: "application/x-www-form-urlencoded" } : {}),
  };
}

/** The header for Basic authentication; undefined where nobody said a user. */
export function basicAuthorization(
  { username, password }: URL,
  user = decodeURIComponent(username),
  secret = decodeURIComponent(password),
): string | undefined {
  return user === "" ? undefined : `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
}

export function lowerCase(headers: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}
