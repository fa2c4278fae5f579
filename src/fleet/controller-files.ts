import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { inputError } from "../diagnostics/diagnostic.ts";
import type { Controller } from "../modules/module.ts";
import type { ControllerFile } from "../modules/step.ts";
import { placesToLook } from "../playbook/places-to-look.ts";
import type { Task } from "../playbook/playbook.ts";
import type { Scope } from "../variables/scope.ts";
import type { TextTemplate } from "../variables/templated.ts";
import { compileTemplateFile } from "../variables/text-template.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { vaultFormat } from "../variables/vault/sealing.ts";
import { textOf } from "../variables/written-value.ts";
import { readInput } from "../variables/yaml-source.ts";

/** Files up to this size are kept in memory for the whole run; larger ones are read again for each host. */
const LARGEST_KEPT_BYTES = 4 * 1024 * 1024;

/** What playbooks refer to on the controller, read once a run, and again only where a task of the run has changed it. */
export class ControllerFiles {
  readonly #files = new Map<string, Promise<ControllerFile>>();
  readonly #templates = new Map<string, Promise<Template>>();
  readonly #keyring: Keyring;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  /** The controller as a task sees it: paths are looked up beside its role and its playbook. */
  controllerFor(task: Task, scope: Scope, playbookFile: string): Controller {
    const playbookFolder = path.dirname(playbookFile);
    return {
      find: async (wanted, folder) => find(wanted, folder, task, playbookFolder),
      file: async (wanted, folder, { decrypt = true } = {}) =>
        this.#file(find(wanted, folder, task, playbookFolder), decrypt),
      renderTemplate: async (wanted) => {
        const file = find(wanted, "templates", task, playbookFolder);
        const { template, isFromVault } = await this.#template(file);
        const rendered = textOf(template.evaluate(scope));
        if (isFromVault) this.#keyring.hideFile(rendered);
        return rendered;
      },
      variablesFile: (file) => readVariablesFile(file, this.#keyring),
      resolvePath: (wanted) => path.resolve(playbookFolder, wanted),
      addSecret: (value) => this.#keyring.hide(value),
      holdsSecret: (text) => this.#keyring.secrets.appearsIn(text),
      variable: (name) => scope.lookup(name),
    };
  }

  async #file(file: string, decrypt: boolean): Promise<ControllerFile> {
    const key = `${decrypt ? "opened" : "as it is"} ${versionOf(file)}`;
    let read = this.#files.get(key);
    if (read === undefined) {
      read = readControllerFile(file, this.#keyring, { decrypt });
      this.#files.set(key, read);
    }
    return read;
  }

  async #template(file: string): Promise<Template> {
    const key = versionOf(file);
    let template = this.#templates.get(key);
    if (template === undefined) {
      template = readTemplate(file, this.#keyring);
      this.#templates.set(key, template);
    }
    return template;
  }
}

interface Template {
  template: TextTemplate;
  isFromVault: boolean;
}

/** @throws DiagnosticsError with positions in the file */
async function readTemplate(file: string, keyring: Keyring): Promise<Template> {
  const { text, isFromVault } = await readInput(file, keyring);
  return { template: compileTemplateFile(text, file), isFromVault };
}

/** Names a file as it is now: another text, written in place or renamed over it, has another name. */
function versionOf(file: string): string {
  const { ino, size, mtimeNs } = statSync(file, { bigint: true });
  return `${ino} ${size} ${mtimeNs} ${file}`;
}

/** @throws DiagnosticsError file-not-found */
function find(
  wanted: string,
  folder: "files" | "templates" | "vars",
  task: Task,
  playbookFolder: string,
): string {
  const candidates = placesToLook(wanted, folder, task, playbookFolder);
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  throw inputError("file-not-found", `there is no file \`${wanted}\``, {
    at: task.at,
    expected: `one of: ${candidates.join(", ")}`,
  });
}

async function readControllerFile(
  file: string,
  keyring: Keyring,
  { decrypt }: { decrypt: boolean },
): Promise<ControllerFile> {
  const { size } = statSync(file);
  // However large: a vault can only be opened as a whole.
  const isVault = decrypt && startsAsVault(file);
  if (isVault || size <= LARGEST_KEPT_BYTES) {
    const read = readFileSync(file);
    const { bytes, isFromVault } = decrypt
      ? await keyring.open(read, file)
      : { bytes: read, isFromVault: false };
    if (isFromVault && !bytes.includes(0)) keyring.hideFile(bytes.toString());
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return {
      path: file,
      sizeBytes: bytes.byteLength,
      sha256,
      isFromVault,
      read: async () => bytes,
      stream: () => once(bytes),
    };
  }
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return {
    path: file,
    sizeBytes: size,
    sha256: hash.digest("hex"),
    isFromVault: false,
    read: () => readFile(file),
    stream: () => createReadStream(file),
  };
}

function startsAsVault(file: string): boolean {
  const start = Buffer.alloc(64);
  const descriptor = openSync(file, "r");
  try {
    return vaultFormat(start.subarray(0, readSync(descriptor, start))) !== undefined;
  } finally {
    closeSync(descriptor);
  }
}

async function* once(bytes: Buffer): AsyncIterable<Uint8Array> {
  yield bytes;
}
