import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { type CollectionTag, parseDocument, type ScalarTag, type Tags } from "yaml";
import {
  type Diagnostic,
  DiagnosticsError,
  inputError,
  type SourceRange,
} from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { duplicateKeys } from "./duplicate-keys.ts";
import type { ParsedFiles } from "./parsed-files.ts";
import { Keyring } from "./vault/keyring.ts";
import { refuseCutOffSops } from "./vault/other-formats.ts";
import { type Extent, NestedTooDeeply, type Written, writtenIn } from "./written.ts";
import { isUnclosedQuote, yamlProblem } from "./yaml-problem.ts";
import { PLAIN_SCALARS } from "./yaml-scalars.ts";

/** Whether a text came out of a vault, and what opens the vaults in it. */
export interface Origin {
  keyring: Keyring;
  /** Its file was vaulted as a whole: every value in it is secret. */
  isFromVault: boolean;
}

/** A text that a user wrote into a file. */
export interface InputText extends Origin {
  text: string;
}

/** A YAML file with the positions of everything in it. */
export interface YamlSource {
  file: string;
  text: string;
  /** Null when there is nothing in it. */
  contents: Written | null;
  origin: Origin;
  at(node: Written | null): SourceRange;
}

/** Tags that Plumb gives a meaning: the text is kept, with its tag, for whoever compiles the value. */
const TEXT_TAGS = ["!expr", "!vault", "!vault-encrypted", "!unsafe"];

/** Of them, `!unsafe` may stand in front of lists and mappings too. */
const KEPT_TAGS: (ScalarTag | CollectionTag)[] = [
  ...TEXT_TAGS.map((tag) => ({ tag, resolve: (text: string) => text })),
  ...(["seq", "map"] as const).map((collection) => ({
    tag: "!unsafe",
    collection,
    resolve: (node: unknown) => node,
  })),
];

const TYPED_BY_US = new Set(PLAIN_SCALARS.map(({ tag }) => tag));

function isTypedByUs(tag: Tags[number]): boolean {
  return typeof tag !== "string" && tag.collection === undefined && TYPED_BY_US.has(tag.tag);
}

const withoutVaults = (): Origin => ({ keyring: new Keyring(), isFromVault: false });

let parsedFiles: ParsedFiles | undefined;

/** From now on, files that were parsed before are not parsed again. */
export function rememberParsed(files: ParsedFiles | undefined): void {
  parsedFiles = files;
}

/**
 * Parses YAML as Ansible's files mean it: version 1.1 with PyYAML's types (yaml-scalars.ts), in which `yes` is true and `0644` octal.
 *
 * @throws DiagnosticsError yaml-syntax, with every error that was found.
 */
export function parseYaml(text: string, file: string, origin: Origin = withoutVaults()): YamlSource {
  const placeOf = positionsIn(text);
  const at = ([from, to]: Extent): SourceRange => {
    const [start, end] = [placeOf(from), placeOf(to)];
    return { file, line: start.line, column: start.column, endLine: end.line, endColumn: end.column };
  };
  const parse = (): Written | null => parseText(text, origin, at);
  return {
    file,
    text,
    contents: parsedFiles === undefined || origin.isFromVault ? parse() : parsedFiles.parsed(text, parse),
    origin,
    at: (node) => (node?.extent === undefined ? { file, line: 1, column: 1 } : at(node.extent)),
  };
}

function parseText(text: string, origin: Origin, at: (extent: Extent) => SourceRange): Written | null {
  const document = parseDocument(text, {
    version: "1.1",
    merge: true,
    customTags: (tags) => [...tags.filter((tag) => !isTypedByUs(tag)), ...PLAIN_SCALARS, ...KEPT_TAGS],
    prettyErrors: false,
    uniqueKeys: false,
  });
  const duplicates = duplicateKeys(document);
  if (duplicates.length > 0) {
    document.errors.push(...duplicates);
    document.errors.sort((one, other) => one.pos[0] - other.pos[0]);
  }
  const unknownTags = document.warnings.filter(({ code }) => code === "TAG_RESOLVE_FAILED");
  if (document.errors.length === 0 && unknownTags.length > 0)
    throw new DiagnosticsError(unknownTags.map(({ message, pos }) => unknownTag(message, at(pos))));
  if (document.errors.length === 0) {
    try {
      return writtenIn(document);
    } catch (error) {
      if (error instanceof NestedTooDeeply) throw new DiagnosticsError([nestedTooDeeply(at(error.extent))]);
      throw error;
    }
  }
  // What is wrong in it may be told in its own words.
  if (origin.isFromVault) origin.keyring.hide(text);
  // Where the reader gave up in the depth, whatever it says besides comes from that.
  const tooDeep = document.errors.find(({ message }) => message.includes("call stack"));
  if (tooDeep !== undefined) throw new DiagnosticsError([nestedTooDeeply(at(tooDeep.pos))]);
  // One slip makes several errors: the first on each line says what it is, and behind a quote that has no end there is nothing.
  const lines = document.errors.map((error) => at(error.pos).line);
  const first = document.errors.filter((_, index) => lines.indexOf(lines[index] ?? 0) === index);
  const unclosed = first.findIndex(isUnclosedQuote);
  throw new DiagnosticsError(
    first.slice(0, unclosed === -1 ? undefined : unclosed + 1).map((error): Diagnostic => {
      const { message, extent, hint } = yamlProblem(error, document, text);
      return {
        severity: "error",
        code: "yaml-syntax",
        message,
        at: at(extent),
        ...(hint === undefined ? {} : { hint }),
      };
    }),
  );
}

/** A tag that nobody knows would be left out, and what it stands in front of be taken as it is written. */
function unknownTag(message: string, at: SourceRange): Diagnostic {
  const tag = message.replace(/^Unresolved tag: /, "").replace(/^tag:yaml\.org,2002:/, "!!");
  const problem = { severity: "error", code: "yaml-syntax", at } as const;
  if (TEXT_TAGS.includes(tag))
    return {
      ...problem,
      message: `\`${tag}\` must stand in front of text`,
      hint: "put what is behind it in quotes",
    };
  if (/^!!(int|float|bool|null|timestamp|binary)$/.test(tag))
    return { ...problem, message: `\`${tag}\` can't be said of this value`, hint: "leave the tag out" };
  const meant = didYouMean(tag, TEXT_TAGS);
  return {
    ...problem,
    message: `there is no tag \`${tag}\``,
    ...(meant === undefined
      ? { expected: "!expr, !vault or !unsafe; a text that starts with ! must be in quotes" }
      : { hint: `did you mean \`${meant}\`?` }),
  };
}

/** Reading goes as deep as the file does, and there is an end to that. */
function nestedTooDeeply(at: SourceRange): Diagnostic {
  return {
    severity: "error",
    code: "yaml-syntax",
    message: "this is nested too deeply: 250 levels can be read",
    at,
    hint: "put what is inside into a file of its own, with `import_tasks:`, `include_vars:` or `vars_files:`",
  };
}

/** Line and column (from 1) of offsets in a text. */
function positionsIn(text: string): (offset: number) => { line: number; column: number } {
  const starts = [0];
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** Reads and parses a YAML file. @throws DiagnosticsError file-not-found, file-unreadable, vault-*, yaml-syntax */
export async function readYaml(file: string, keyring: Keyring): Promise<YamlSource> {
  const { text, ...origin } = await readInput(file, keyring);
  return parseYaml(text, file, origin);
}

/** Reads a file that the user named, out of its vault if it is in one. @throws DiagnosticsError file-not-found, file-unreadable, vault-* */
export async function readInput(file: string, keyring: Keyring): Promise<InputText> {
  const { bytes, isFromVault } = await keyring.open(bytesOf(file), file);
  if (!isFromVault) refuseCutOffSops(bytes, file);
  if (!isUtf8(bytes)) throw notText(bytes, file);
  return { text: bytes.toString(), keyring, isFromVault };
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    const reason = error instanceof Error ? error.message : String(error);
    if (code === "ENOENT") throw inputError("file-not-found", `there is no file ${file}`);
    if (code === "EISDIR")
      throw inputError("file-unreadable", `${file} is a folder, and should be a file`, {
        hint: "name a file in it",
      });
    throw inputError("file-unreadable", `${file} can't be read: ${reason}`);
  }
}

/** What is no text in UTF-8 would be read with other letters than were meant. */
function notText(bytes: Buffer, file: string): DiagnosticsError {
  const lines = bytes.toString("latin1").split("\n");
  const line = lines.findIndex((one) => !isUtf8(Buffer.from(one, "latin1")));
  return inputError("file-unreadable", `line ${line + 1} of ${file} is no text in UTF-8`, {
    at: { file, line: line + 1, column: 1 },
    hint: `turn it into UTF-8: iconv -f LATIN1 -t UTF-8 ${file}`,
  });
}
