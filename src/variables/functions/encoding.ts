import { createHash } from "node:crypto";
import { parse, stringify } from "yaml";
import { quote } from "../../shell/shell-text.ts";
import type { Value } from "../value.ts";
import { type LibraryFunction, text } from "./library-function.ts";

const hash = (algorithm: string, value: Value | undefined): string =>
  createHash(algorithm).update(text(algorithm, value)).digest("hex");

/** Functions that write and read other notations. */
export const encodingFunctions: readonly LibraryFunction[] = [
  {
    name: "to_json",
    parameters: ["value", "indent?"],
    summary: "The value as JSON.",
    example: { expression: 'to_json({"a": [1, true]})', value: '{"a":[1,true]}' },
    call: ([value, indent]) =>
      JSON.stringify(value ?? null, undefined, typeof indent === "number" ? indent : undefined),
  },
  {
    name: "from_json",
    parameters: ["text"],
    summary: "The value that a JSON text says.",
    example: { expression: 'from_json("[1]")', value: [1] },
    call: ([value]) => JSON.parse(text("from_json", value)) as Value,
  },
  {
    name: "to_yaml",
    parameters: ["value"],
    summary: "The value as YAML.",
    example: { expression: 'to_yaml({"a": 1})', value: "a: 1\n" },
    call: ([value]) => stringify(value ?? null),
  },
  {
    name: "from_yaml",
    parameters: ["text"],
    summary: "The value that a YAML text says.",
    example: { expression: 'from_yaml("a: 1")', value: { a: 1 } },
    call: ([value]) => parse(text("from_yaml", value)) as Value,
  },
  {
    name: "base64_encode",
    parameters: ["text"],
    summary: "The text in base64.",
    example: { expression: 'base64_encode("hi")', value: "aGk=" },
    call: ([value]) => Buffer.from(text("base64_encode", value)).toString("base64"),
  },
  {
    name: "base64_decode",
    parameters: ["text"],
    summary: "What base64 stands for, as text.",
    example: { expression: 'base64_decode("aGk=")', value: "hi" },
    call: ([value]) => Buffer.from(text("base64_decode", value), "base64").toString(),
  },
  {
    name: "sha256",
    parameters: ["text"],
    summary: "SHA-256, hexadecimal.",
    example: {
      expression: 'sha256("")',
      value: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
    call: ([value]) => hash("sha256", value),
  },
  {
    name: "md5",
    parameters: ["text"],
    summary: "MD5, hexadecimal: for checksums that somebody else chose, never for passwords.",
    example: { expression: 'md5("")', value: "d41d8cd98f00b204e9800998ecf8427e" },
    call: ([value]) => hash("md5", value),
  },
  {
    name: "quote",
    parameters: ["text"],
    summary: "The text as one word of a shell.",
    example: { expression: 'quote("it\'s")', value: "'it'\\''s'" },
    call: ([value]) => quote(text("quote", value)),
  },
];
