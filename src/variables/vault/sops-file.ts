import { createDecipheriv, createHash, timingSafeEqual } from "node:crypto";
import {
  type Document,
  isAlias,
  isDocument,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  parseAllDocuments,
  type Scalar,
} from "yaml";
import { type DiagnosticsError, inputError, type SourceRange } from "../../diagnostics/diagnostic.ts";
import { bytesOf, goScalar } from "./go-scalar.ts";

/** A file that SOPS has encrypted, as far as it is for age: values each by themselves under one data key, which is encrypted for each recipient. */
export interface SopsFile {
  document: Document;
  isJson: boolean;
  /** The data key, armoured, once for each recipient. */
  dataKeys: readonly string[];
  /** Somebody else holds the key too: a cloud's key service, PGP. */
  hasOtherKeys: boolean;
  lastModified: string;
  mac: string;
  /** `mac_only_encrypted`: what stands there in plain text is not in the check sum. */
  macOfEncryptedOnly: boolean;
}

/** sha256 of `sops`: SOPS puts it in front of a check sum of encrypted values alone, so that it is never taken for one of all. */
const ENCRYPTED_ONLY = createHash("sha256").update("sops").digest();

/**
 * The types that SOPS gives values, and how it writes them (its aes/cipher.go and Go's strconv). Neither the encryption nor the check sum holds the type: what
 * fits another one than it was written with can't be told from it, by SOPS either.
 */
const FORMS: Readonly<Record<string, RegExp>> = {
  str: /^/,
  int: /^[+-]?\d+$/,
  float: /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+|Inf|NaN)$/,
  bool: /^(true|t|1|false|f|0)$/i,
  bytes: /^/,
  time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/,
};

const ENCRYPTED = /^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]/;

/**
 * Takes a file apart that isSopsFile has recognized.
 *
 * @returns undefined for what only the program `sops` can open: no recipient of age, keys in several parts, several documents.
 * @throws DiagnosticsError vault-damaged
 */
export function readSopsFile(text: string, file: string): SopsFile | undefined {
  const documents = parseAllDocuments(text);
  const [document, more] = Array.isArray(documents) ? documents : [];
  if (document === undefined || more !== undefined) return undefined;
  if (document.errors.length > 0)
    throw damaged(file, document.errors[0]?.message.split("\n")[0] ?? "it is no YAML");
  const metadata: unknown = document.toJS().sops;
  const age = entriesOf(metadata, "age");
  const dataKeys = age.flatMap((one) => textOf(one, "enc") ?? []);
  if (dataKeys.length === 0 || entriesOf(metadata, "key_groups").length > 0) return undefined;
  const mac = textOf(metadata, "mac");
  const lastModified = textOf(metadata, "lastmodified");
  if (mac === undefined || lastModified === undefined)
    throw damaged(file, "`sops.mac` or `sops.lastmodified` is not there");
  const others = ["kms", "gcp_kms", "azure_kv", "hc_vault", "pgp"];
  return {
    document,
    isJson: /^\s*\{/.test(text),
    dataKeys,
    hasOtherKeys: others.some((name) => entriesOf(metadata, name).length > 0),
    lastModified,
    mac,
    macOfEncryptedOnly: fieldOf(metadata, "mac_only_encrypted") === true,
  };
}

/**
 * The content in plain text, in the format of the file, after its check sum has been held against it.
 *
 * @throws DiagnosticsError vault-damaged
 */
export function plainText(sops: SopsFile, key: Uint8Array, file: string): Buffer {
  const { document } = sops;
  document.delete("sops");
  const sum = createHash("sha512");
  if (sops.macOfEncryptedOnly) sum.update(ENCRYPTED_ONLY);
  const visit = (node: unknown, path: readonly string[]): void => {
    openComments(node, key, path);
    if (isAlias(node)) visit(node.resolve(document), path);
    else if (isSeq(node)) for (const item of node.items) visit(item, path);
    else if (isMap(node)) for (const pair of node.items) visitPair(pair, path);
    else if (isScalar(node)) openScalar(node, path);
  };
  const visitPair = (pair: Pair, path: readonly string[]): void => {
    if (!isPair(pair)) return;
    openComments(pair.key, key, path);
    visit(pair.value, [...path, String(isScalar(pair.key) ? pair.key.value : pair.key)]);
  };
  const openScalar = (node: Scalar, path: readonly string[]): void => {
    const { value } = node;
    if (typeof value !== "string" || !ENCRYPTED.test(value)) {
      if (!sops.macOfEncryptedOnly)
        sum.update(
          sops.isJson
            ? bytesOf(value)
            : goScalar(value, node.type === "PLAIN" && node.tag === undefined ? node.source : undefined),
        );
      return;
    }
    const opened = decrypted(value, key, aad(path));
    const name = `the value of \`${path.join(".")}\``;
    if (opened === undefined) throw damaged(file, `${name} was changed`);
    const form = FORMS[opened.type];
    if (form === undefined)
      throw damaged(
        file,
        `${name} has the type \`${opened.type}\`, and SOPS writes ${Object.keys(FORMS).join(", ")}`,
      );
    if (!form.test(opened.text)) throw damaged(file, `${name} is no ${opened.type}: its type was changed`);
    sum.update(opened.type === "bool" ? (isTrue(opened.text) ? "True" : "False") : opened.text);
    replace(node, opened);
  };
  openComments(document, key, []);
  visit(document.contents, []);
  const wanted = decrypted(sops.mac, key, sops.lastModified)?.text;
  const found = sum.digest("hex").toUpperCase();
  if (
    wanted === undefined ||
    wanted.length !== found.length ||
    !timingSafeEqual(Buffer.from(wanted), Buffer.from(found))
  )
    throw damaged(file, "its check sum is of another content: something was changed, added or taken away");
  return Buffer.from(
    sops.isJson ? `${JSON.stringify(document.toJS(), undefined, 2)}\n` : document.toString({ lineWidth: 0 }),
  );
}

interface Opened {
  type: string;
  text: string;
}

/** AES-256-GCM, with the path of the value as additional data: a value that was moved does not open. */
function decrypted(value: string, key: Uint8Array, additional: string): Opened | undefined {
  const [, data = "", iv = "", tag = "", type = ""] = ENCRYPTED.exec(value) ?? [];
  try {
    const cipher = createDecipheriv("aes-256-gcm", key, Buffer.from(iv, "base64"));
    cipher.setAAD(Buffer.from(additional));
    cipher.setAuthTag(Buffer.from(tag, "base64"));
    return { type, text: Buffer.concat([cipher.update(data, "base64"), cipher.final()]).toString() };
  } catch {
    return undefined;
  }
}

const aad = (path: readonly string[]): string => `${path.join(":")}:`;

/** Puts what came out in the place of what was encrypted; texts are quoted, because `yes` and `012` are none in every reader of YAML. */
function replace(node: Scalar, { type, text }: Opened): void {
  delete node.source;
  switch (type) {
    case "int":
    case "float": {
      const number = Number(text.replace("Inf", "Infinity"));
      node.value = type === "int" && !Number.isSafeInteger(number) ? BigInt(text) : number;
      node.type = "PLAIN";
      return;
    }
    case "bool":
      node.value = isTrue(text);
      node.type = "PLAIN";
      return;
    default:
      node.value = text;
      node.type = text.includes("\n") ? "BLOCK_LITERAL" : "QUOTE_DOUBLE";
  }
}

const isTrue = (text: string): boolean => /^(true|t|1)$/i.test(text);

/** Comments are encrypted too, under the path of what they stand in. One that does not open was written in plain text. */
function openComments(node: unknown, key: Uint8Array, path: readonly string[]): void {
  if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isDocument(node)) return;
  for (const place of ["commentBefore", "comment"] as const) {
    const comment = node[place];
    if (comment == null) continue;
    node[place] = comment
      .split("\n")
      .map((line) => (ENCRYPTED.test(line) ? (openedComment(line, key, path) ?? line) : line))
      .join("\n");
  }
}

function openedComment(line: string, key: Uint8Array, path: readonly string[]): string | undefined {
  for (let length = path.length; length >= 0; length--) {
    const opened = decrypted(line, key, aad(path.slice(0, length)));
    if (opened !== undefined) return opened.text;
  }
  return undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === "string" ? field : undefined;
}

function entriesOf(value: unknown, name: string): readonly unknown[] {
  const field = fieldOf(value, name);
  return Array.isArray(field) ? field : [];
}

function damaged(file: string, reason: string): DiagnosticsError {
  const at: SourceRange = { file, line: 1, column: 1 };
  return inputError("vault-damaged", `${file} is encrypted by SOPS, and damaged: ${reason}`, {
    at,
    hint: "take it from a backup or from version control; what is changed by hand must be changed with `sops edit`",
  });
}
