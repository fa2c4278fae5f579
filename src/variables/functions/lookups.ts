import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import {
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import type { Value } from "../value.ts";
import { isVaulted } from "../vault/envelope.ts";
import { Keyring } from "../vault/keyring.ts";
import { type Caller, given, type LibraryFunction, text, whole } from "./library-function.ts";

const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/** A command on the controller that has not ended after this long holds everything up. */
const LONGEST_COMMAND_MS = 60_000;

/** Where a file on the controller is looked for, as Ansible looks: in the role, beside the playbook and its folder, and where one stands. */
function searchPath(caller: Caller, folder: "files" | "templates"): string[] {
  const places = ["role_path", "playbook_dir"].flatMap((name) => {
    const place = caller.variable(name);
    return typeof place === "string" && place !== "" ? [path.join(place, folder), place] : [];
  });
  const playbooks = caller.variable("playbook_dir");
  const project = typeof playbooks === "string" ? [path.join(playbooks, "..", folder)] : [];
  return [...places, ...project, process.cwd()];
}

/** @throws Error naming all places that were looked at. */
function found(
  name: string,
  value: Value | undefined,
  { caller, folder }: { caller: Caller; folder: "files" | "templates" },
): string {
  const written = text(name, value);
  const places = searchPath(caller, folder).map((place) => path.resolve(place, written));
  const file = places.find((place) => existsSync(place));
  if (file !== undefined) return file;
  throw new Error(`${name}: there is no file ${written}: looked at ${[...new Set(places)].join(", ")}`);
}

/** Functions that look something up on the controller. */
export const lookupFunctions: readonly LibraryFunction[] = [
  {
    name: "env",
    parameters: ["name", "fallback?"],
    summary: "A variable of Plumb's own environment; the fallback, or null, when it is not set.",
    example: { expression: 'env("PLUMB_NO_SUCH_VARIABLE")', value: null },
    call: ([name, fallback]) => process.env[text("env", name)] ?? fallback ?? null,
  },
  {
    name: "read_file",
    parameters: ["path"],
    summary:
      "The text of a file on the controller (looked for in the role's `files/` and beside the playbook), without its final newline. One in Ansible's vault is opened.",
    example: { expression: 'read_file("/dev/null")', value: "" },
    call: ([file], caller) =>
      fileText(found("read_file", file, { caller, folder: "files" }), caller).replace(/\n$/, ""),
  },
  {
    name: "read_template",
    parameters: ["path"],
    summary:
      "A template on the controller (looked for in the role's `templates/` and beside the playbook), rendered with the variables of the host.",
    example: { expression: 'read_template("/dev/null")', value: "" },
    call: ([written], caller) => {
      const file = found("read_template", written, { caller, folder: "templates" });
      return caller.render(fileText(file, caller), file);
    },
  },
  {
    name: "fileglob",
    parameters: ["pattern"],
    summary: "Paths of the files on the controller that a pattern such as `certs/*.pem` matches, sorted.",
    example: { expression: 'fileglob("/dev/nul[l]")', value: [] },
    call: ([pattern], caller) => {
      const written = text("fileglob", pattern);
      for (const place of path.isAbsolute(written) ? ["/"] : searchPath(caller, "files")) {
        const files = globSync(written, { cwd: place })
          .map((one) => path.resolve(place, one))
          .filter((one) => statSync(one).isFile());
        if (files.length > 0) return files.sort();
      }
      return [];
    },
  },
  {
    name: "file_exists",
    parameters: ["path"],
    summary: "Whether there is such a file or folder on the controller.",
    example: { expression: 'file_exists("/dev/null")', value: true },
    call: ([file], caller) =>
      searchPath(caller, "files").some((place) => existsSync(path.resolve(place, text("file_exists", file)))),
  },
  {
    name: "pipe",
    parameters: ["command"],
    summary:
      "What a command on the controller writes, without its final newline; an error when it fails. It runs at every evaluation.",
    example: { expression: 'pipe("echo hello")', value: "hello" },
    call: ([command], caller) => {
      const folder = caller.variable("playbook_dir");
      // Not as an argument: what stands there can be read by every user of the controller.
      const evaluate = 'plumb_command=$PLUMB_COMMAND; unset PLUMB_COMMAND; eval "$plumb_command"';
      const { status, stdout, stderr, error, signal } = spawnSync("/bin/sh", ["-c", evaluate], {
        env: { ...process.env, PLUMB_COMMAND: text("pipe", command) },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        timeout: LONGEST_COMMAND_MS,
        maxBuffer: 64 * 2 ** 20,
        ...(typeof folder === "string" && existsSync(folder) ? { cwd: folder } : {}),
      });
      if (error !== undefined) throw new Error(`pipe: ${error.message}`);
      if (status !== 0)
        throw new Error(
          `pipe: the command ended with ${status ?? signal}: ${stderr.trim().slice(0, 500) || "without a message"}`,
        );
      return stdout.replace(/\n$/, "");
    },
  },
  {
    name: "password_file",
    parameters: ["path", "length?"],
    summary:
      "A password kept in a file on the controller (0600): made at random (letters and digits) the first time, read ever after.",
    example: { expression: 'length(password_file("/dev/null", 20)) >= 0', value: true },
    call: ([file, length], { keyring }) => {
      const password = keptPassword(
        text("password_file", file),
        given(length, (one) => whole("password_file", one, 1, 1_000), 32),
      );
      keyring?.hide(password);
      return password;
    },
  },
];

function fileText(file: string, { keyring }: Caller): string {
  const bytes = readFileSync(file);
  if (!isVaulted(bytes)) return bytes.toString();
  const opening = keyring ?? new Keyring();
  const content = opening.decrypt(bytes.toString(), file, { file, line: 1, column: 1 }).toString();
  opening.hideFile(content);
  return content;
}

function keptPassword(file: string, length: number): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const password = Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join("");
  // "wx" fails where the file has come into being meanwhile: two passwords for one thing must not exist.
  const handle = openSync(file, "wx", 0o600);
  writeSync(handle, `${password}\n`);
  closeSync(handle);
  return password;
}
