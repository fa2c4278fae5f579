import { isScalar, parse, parseAllDocuments, stringify } from "yaml";
import { quote } from "../../shell/shell-text.ts";
import type { Value } from "../value.ts";
import { jsonText } from "./json-text.ts";
import { given, isTruthy, type LibraryFunction, text, whole } from "./library-function.ts";

const YAML_11 = { version: "1.1", merge: true } as const;

/** How PyYAML, and so Ansible, lays it out: lists under a key are not indented, long lines are not folded. */
function yamlText(value: Value, indent: number): string {
  return stringify(value, { version: "1.1", indent, indentSeq: false, lineWidth: 0, sortMapEntries: true });
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

/** Functions that write and read other notations. */
export const encodingFunctions: readonly LibraryFunction[] = [
  {
    name: "to_json",
    parameters: ["value", "indent?"],
    summary: "The value as JSON, as Ansible writes it.",
    example: { expression: 'to_json({"a": [1, true]})', value: '{"a": [1, true]}' },
    call: ([value, indent]) =>
      jsonText(value ?? null, {
        indent: given(indent, (one) => whole("to_json", one, 0, 20), undefined),
        sortsKeys: false,
      }),
  },
  {
    name: "to_nice_json",
    parameters: ["value", "indent?", "sort_keys?"],
    summary: "The value as JSON for people: a line for each entry, 4 blanks a level, keys in order.",
    example: { expression: 'to_nice_json({"b": 1, "a": 2})', value: '{\n    "a": 2,\n    "b": 1\n}' },
    call: ([value, indent, sortKeys]) =>
      jsonText(value ?? null, {
        indent: given(indent, (one) => whole("to_nice_json", one, 0, 20), 4),
        sortsKeys: sortKeys !== false,
      }),
  },
  {
    name: "from_json",
    parameters: ["text"],
    summary: "The value that a JSON text says.",
    example: { expression: 'from_json("[1]")', value: [1] },
    call: ([value]) => {
      try {
        return JSON.parse(text("from_json", value)) as Value;
      } catch (error) {
        throw new Error(`from_json: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  },
  {
    name: "to_yaml",
    parameters: ["value", "indent?"],
    aliases: ["to_nice_yaml"],
    summary: "The value as YAML, keys in order.",
    example: { expression: 'to_yaml({"a": [1]})', value: "a:\n- 1\n" },
    call: ([value, indent]) =>
      yamlText(
        value ?? null,
        given(indent, (one) => whole("to_yaml", one, 1, 20), 2),
      ),
  },
  {
    name: "from_yaml",
    parameters: ["text"],
    summary: "The value that a YAML text says.",
    example: { expression: 'from_yaml("a: 1")', value: { a: 1 } },
    call: ([value]) => parse(text("from_yaml", value), YAML_11) as Value,
  },
  {
    name: "from_yaml_all",
    parameters: ["text"],
    summary: "The values of all documents in a YAML text.",
    example: { expression: 'from_yaml_all("a: 1\\n---\\nb: 2")', value: [{ a: 1 }, { b: 2 }] },
    call: ([value]) => {
      const documents = parseAllDocuments(text("from_yaml_all", value), YAML_11);
      return documents.map((one) => {
        const [problem] = one.errors;
        if (problem !== undefined) throw new Error(`from_yaml_all: ${problem.message}`);
        return (isScalar(one.contents) && one.contents.value === null ? null : one.toJS()) as Value;
      });
    },
  },
  {
    name: "b64encode",
    parameters: ["text"],
    aliases: ["base64_encode"],
    summary: "The text in base64.",
    example: { expression: 'b64encode("hi")', value: "aGk=" },
    call: ([value]) => Buffer.from(text("b64encode", value)).toString("base64"),
  },
  {
    name: "b64decode",
    parameters: ["text"],
    aliases: ["base64_decode"],
    summary: "What base64 stands for, as text.",
    example: { expression: 'b64decode("aGk=")', value: "hi" },
    call: ([value]) => {
      const encoded = text("b64decode", value).replace(/\s/g, "");
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) || encoded.length % 4 !== 0)
        throw new Error("b64decode: this is not base64");
      return Buffer.from(encoded, "base64").toString();
    },
  },
  {
    name: "quote",
    parameters: ["text"],
    summary: "The text as one word of a shell.",
    example: { expression: 'quote("it\'s")', value: "'it'\\''s'" },
    call: ([value]) => quote(text("quote", value)),
  },
  {
    name: "urlencode",
    parameters: ["value"],
    summary: "The text as it may stand in a URL; of a mapping, `key=value` with `&` between.",
    example: { expression: 'urlencode("a b/c?")', value: "a%20b/c%3F" },
    call: ([value]) => {
      const encoded = (one: string, safe: RegExp): string =>
        encodeURIComponent(one)
          .replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
          .replace(safe, "/");
      if (typeof value !== "object" || value === null) return encoded(text("urlencode", value), /%2F/g);
      return Object.entries(value)
        .map(([key, one]) =>
          `${encoded(key, /(?!)/)}=${encoded(text("urlencode", one), /(?!)/)}`.replaceAll("%20", "+"),
        )
        .join("&");
    },
  },
  {
    name: "urlsplit",
    parameters: ["url", "part?"],
    summary:
      "The parts of a URL (scheme, hostname, port, path, query, fragment, username, password), or one of them.",
    example: { expression: 'urlsplit("https://db1:5432/app", "port")', value: 5432 },
    call: ([value, part]) => {
      const written = text("urlsplit", value);
      if (!URL.canParse(written)) throw new Error(`urlsplit: ${written} is not a URL`);
      const url = new URL(written);
      const authority = /^[^:]+:\/\/([^/?#]*)/.exec(written)?.[1] ?? "";
      const port = /:(\d+)$/.exec(authority)?.[1];
      const parts: Record<string, Value> = {
        scheme: url.protocol.slice(0, -1),
        netloc: authority,
        hostname: url.hostname.replace(/^\[|\]$/g, ""),
        port: port === undefined ? null : Number(port),
        path: /^[^:]+:\/\/[^/?#]*([^?#]*)/.exec(written)?.[1] ?? "",
        query: url.search.slice(1),
        fragment: url.hash.slice(1),
        username: isTruthy(url.username) ? decodeURIComponent(url.username) : null,
        password: isTruthy(url.password) ? decodeURIComponent(url.password) : null,
      };
      if (part === undefined || part === null) return parts;
      const name = text("urlsplit", part);
      if (!Object.hasOwn(parts, name))
        throw new Error(`urlsplit: a URL has ${Object.keys(parts).join(", ")}, and no ${name}`);
      return parts[name] ?? null;
    },
  },
  {
    name: "escape",
    parameters: ["text"],
    summary: "The text as it may stand in HTML or XML.",
    example: { expression: 'escape("a < b")', value: "a &lt; b" },
    call: ([value]) => text("escape", value).replace(/[&<>"']/g, (mark) => entities[mark] ?? mark),
  },
];
