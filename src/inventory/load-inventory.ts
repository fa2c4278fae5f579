import { accessSync, closeSync, constants, openSync, readdirSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { problemsIn } from "../diagnostics/all-problems.ts";
import { DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import { refuseOpenToOthers } from "../diagnostics/open-to-others.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import { type InputText, parseYaml, readInput, type YamlSource } from "../variables/yaml-source.ts";
import { readProgram } from "./dynamic-source.ts";
import { readIni } from "./ini-source.ts";
import type { Inventory } from "./inventory.ts";
import { InventoryBuilder } from "./inventory-builder.ts";
import { hostNames } from "./ranges.ts";
import { readYamlInventory } from "./yaml-inventory.ts";

/**
 * Entries of a directory of sources that are none (Ansible's INVENTORY_IGNORE_EXTS, and what it ignores always); and the folders in which the example keeps the
 * authority and the passwords of a first run: a password must not be read as the name of a host. Certificates and keys are none either, in whatever folder: of another authority, or given ones.
 */
const IGNORED =
  /^\.|^host_vars$|^group_vars$|^vars_plugins$|^secrets$|^pki$|^reports$|\.(?:pyc|pyo|swp|bak|rpm|md|txt|rst|orig|ini|cfg|retry|crt|key|pem|csr)$|~$/;

export interface InventoryOptions {
  /** Opens what is vaulted. */
  keyring?: Keyring;
  /** Keep templates that do not compile, to show them as they are written: nothing is going to render them. */
  onlyToShow?: boolean;
}

/**
 * Loads the inventory from all its sources, in order: INI and YAML files, directories of them, programs, and `host1,host2,` lists.
 *
 * @throws DiagnosticsError
 */
export async function loadInventory(
  sources: readonly string[],
  { keyring = new Keyring(), onlyToShow = false }: InventoryOptions = {},
): Promise<Inventory> {
  const builder = new InventoryBuilder(keyring);
  const unread = await problemsIn(sources, (source) => readSource(source, builder));
  const problems = [...(onlyToShow ? [] : builder.problems), ...unread];
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return builder.build(sources);
}

async function readSource(source: string, builder: InventoryBuilder): Promise<void> {
  const information = statSync(source, { throwIfNoEntry: false });
  if (information?.isDirectory() === true) {
    if (await readDirectory(source, builder)) return;
    throw inputError("inventory-syntax", `there is no inventory in the folder ${source}`, {
      hint: "as in Ansible, files that end in .ini, .cfg, .txt, .md, .bak and the like are left out of a folder",
    });
  }
  builder.startSource(source);
  if (information !== undefined) return readFileSource(source, builder);
  if (source.includes(",")) return readList(source, builder);
  if (source.trim() === "")
    throw inputError("file-not-found", "the name of an inventory is empty", {
      hint: "give -i FILE, a folder, or hosts with a comma: -i 'web1,'",
    });
  throw inputError("file-not-found", `there is no inventory ${source}`, {
    hint: `for a list of hosts add a comma: -i '${source},'`,
  });
}

/** `host1,host2:2222,web[1:3]` */
function readList(source: string, builder: InventoryBuilder): void {
  for (const item of source.split(",")) {
    if (item.trim() === "") continue;
    try {
      const { names, port } = hostNames(item.trim());
      for (const name of names) builder.addHost("ungrouped", name, port === undefined ? {} : { port });
    } catch (error) {
      throw inputError(
        "inventory-syntax",
        `-i ${source}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

/** @returns whether there was a source in it. */
async function readDirectory(folder: string, builder: InventoryBuilder): Promise<boolean> {
  let found = false;
  for (const name of readdirSync(folder).sort(byCodePoint)) {
    if (IGNORED.test(name)) continue;
    const place = path.join(folder, name);
    const information = statSync(place, { throwIfNoEntry: false });
    if (information === undefined)
      throw inputError("file-not-found", `${place} is a link to a file that is not there`, {
        hint: "put the file there, or remove the link",
      });
    // A pipe or a socket would be waited for without end.
    if (!information.isDirectory() && !information.isFile())
      throw inputError("file-unreadable", `${place} is neither a file nor a folder`);
    if (information.isDirectory()) {
      if (await readDirectory(place, builder)) found = true;
      continue;
    }
    await readSource(place, builder);
    found = true;
  }
  return found;
}

function byCodePoint(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

async function readFileSource(file: string, builder: InventoryBuilder): Promise<void> {
  const extension = path.extname(file);
  if (isProgram(file)) return readProgram(file, builder);
  const input = await readInput(file, builder.keyring);
  if (extension === ".toml") {
    throw inputError("inventory-syntax", `${file}: an inventory in TOML can't be read`, {
      hint: `turn it into YAML: ansible-inventory -i ${file} --list --yaml`,
    });
  }
  const source = [".yml", ".yaml", ".json", ""].includes(extension) ? yamlOf(input, file) : undefined;
  if (source === undefined) {
    if (input.isFromVault) hideIniValues(input.text, builder.keyring);
    readIni(input.text, file, builder);
  } else readYamlInventory(source, builder);
}

/** What stands behind an equals sign, to the end of the line (a group's variable) or of the word (a host's). */
function hideIniValues(text: string, keyring: Keyring): void {
  for (const [, rest = ""] of text.matchAll(/=[ \t]*(.*)/g)) keyring.hide(rest);
  for (const [, value = ""] of text.matchAll(/=[ \t]*("[^"]*"|'[^']*'|[^\s=]+)(?=\s|$)/g))
    keyring.hide(value.replace(/^(["'])(.*)\1$/, "$2"));
}

/** The file as YAML, unless it is written as INI. What is meant for YAML and has an error in it is told as YAML. */
function yamlOf({ text, ...origin }: InputText, file: string): YamlSource | undefined {
  const first = text.split("\n").find((line) => line.trim() !== "" && !/^\s*[#;]/.test(line));
  if (first === undefined) return undefined;
  // JSON on one line begins with a bracket too, but no section ends in what JSON ends in.
  if (/^\s*\[[^"'{}[\],]*\]\s*(?:#.*)?$/.test(first)) return undefined;
  try {
    const source = parseYaml(text, file, origin);
    return source.contents?.kind === "map" || /\.(?:ya?ml|json)$/.test(file) ? source : undefined;
  } catch (error) {
    if (/\.(?:ya?ml|json)$/.test(file) || /^(?:---|[^\s=]+:(?:\s|$))/.test(first)) throw error;
    return undefined;
  }
}

/** As many as tell a program; undefined for a file that can't be read. */
function firstBytes(file: string): string | undefined {
  const bytes = Buffer.alloc(4);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    return bytes.subarray(0, readSync(descriptor, bytes)).toString("latin1");
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Whether it is a file to run. YAML that somebody made executable by accident is none. */
function isProgram(file: string): boolean {
  const start = firstBytes(file);
  if (start === undefined || (!start.startsWith("#!") && start !== "\x7fELF")) return false;
  try {
    accessSync(file, constants.X_OK);
  } catch {
    throw inputError("inventory-syntax", `the inventory program ${file} can't be run: it is not executable`, {
      hint: `chmod +x ${file}`,
    });
  }
  refuseOpenToOthers(file, "the inventory program");
  return true;
}
