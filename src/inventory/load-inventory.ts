import { execFile } from "node:child_process";
import { access, constants, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { inputError } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import { isValueMap, type Value } from "../variables/value.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import { fromJson } from "../variables/vault/vaulted-value.ts";
import { readInput } from "../variables/yaml-source.ts";
import { readIni } from "./ini-source.ts";
import type { Inventory } from "./inventory.ts";
import { InventoryBuilder } from "./inventory-builder.ts";
import { readYamlInventory } from "./yaml-inventory.ts";

const run = promisify(execFile);
/** Files beside an inventory that are none (Ansible's INVENTORY_IGNORE_EXTS). */
const IGNORED = /(^\.|~$|\.(orig|ini\.bak|bak|cfg|retry|pyc|pyo|md|rst|swp)$)/;

/**
 * Loads the inventory from all its sources, in order: INI and YAML files, directories of them, executables, and `host1,host2,` lists.
 *
 * @throws DiagnosticsError
 */
export async function loadInventory(sources: readonly string[], keyring = new Keyring()): Promise<Inventory> {
  const builder = new InventoryBuilder();
  for (const source of sources) await readSource(source, builder, keyring);
  return builder.build(sources);
}

async function readSource(source: string, builder: InventoryBuilder, keyring: Keyring): Promise<void> {
  if (source.includes(",")) {
    for (const host of source
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean))
      builder.addHost("ungrouped", host);
    return;
  }
  const information = await stat(source).catch(() => undefined);
  if (information === undefined) {
    throw inputError("file-not-found", `there is no inventory ${source}`, {
      hint: `for a list of hosts add a comma: -i '${source},'`,
    });
  }
  if (information.isDirectory()) return readDirectory(source, builder, keyring);
  if (await isExecutable(source)) return readExecutable(source, builder, keyring);
  const input = await readInput(source, keyring);
  if (/\.(ya?ml|json)$/.test(source)) readYamlInventory(input, source, builder);
  else if (/\.(ini|cfg)$/.test(source) || !looksLikeYaml(input.text)) {
    if (input.isFromVault) hideIniValues(input.text, keyring);
    readIni(input.text, source, builder);
  } else readYamlInventory(input, source, builder);
}

/** What stands behind an equals sign, to the end of the line (a group's variable) or of the word (a host's). */
function hideIniValues(text: string, keyring: Keyring): void {
  for (const [, rest = ""] of text.matchAll(/=[ \t]*(.*)/g)) keyring.hide(rest);
  for (const [, value = ""] of text.matchAll(/=[ \t]*("[^"]*"|'[^']*'|[^\s=]+)(?=\s|$)/g))
    keyring.hide(value.replace(/^(["'])(.*)\1$/, "$2"));
}

async function readDirectory(folder: string, builder: InventoryBuilder, keyring: Keyring): Promise<void> {
  for (const name of (await readdir(folder)).sort()) {
    if (name === "group_vars" || name === "host_vars" || IGNORED.test(name)) continue;
    await readSource(path.join(folder, name), builder, keyring);
  }
}

async function isExecutable(file: string): Promise<boolean> {
  if (/\.(ya?ml|json|ini)$/.test(file)) return false;
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function looksLikeYaml(text: string): boolean {
  const line = text.split("\n").find((one) => one.trim() !== "" && !one.trim().startsWith("#"));
  return line !== undefined && /^(---|[A-Za-z_][\w-]*:\s*$)/.test(line);
}

/** A dynamic inventory: `--list` prints JSON (Ansible, "Developing dynamic inventory"). */
async function readExecutable(file: string, builder: InventoryBuilder, keyring: Keyring): Promise<void> {
  const variable = (value: Value): SourcedVariable => ({
    value: fromJson(value, { file, line: 1, column: 1 }, keyring),
  });
  const answer = await askProgram(file, ["--list"]);
  const meta = isValueMap(answer["_meta"]) ? answer["_meta"]["hostvars"] : undefined;
  const hosts = new Set<string>();
  for (const [name, content] of Object.entries(answer)) {
    if (name === "_meta") continue;
    builder.group(name);
    const group = Array.isArray(content) ? { hosts: content } : isValueMap(content) ? content : {};
    for (const host of asList(group["hosts"])) {
      builder.addHost(name, host);
      hosts.add(host);
    }
    for (const child of asList(group["children"])) builder.addChild(name, child);
    const { vars } = group as { vars?: Value };
    if (isValueMap(vars)) {
      for (const [key, value] of Object.entries(vars)) builder.groupVariable(name, key, variable(value));
    }
  }
  for (const host of hosts) {
    const variables = isValueMap(meta) ? (meta[host] ?? {}) : await askProgram(file, ["--host", host]);
    if (!isValueMap(variables)) continue;
    for (const [key, value] of Object.entries(variables)) builder.hostVariable(host, key, variable(value));
  }
}

function asList(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

async function askProgram(file: string, args: readonly string[]): Promise<Record<string, Value>> {
  try {
    const { stdout } = await run(path.resolve(file), args, { timeout: 60_000, maxBuffer: 256 * 1024 * 1024 });
    const answer = JSON.parse(stdout) as Value;
    if (isValueMap(answer)) return answer;
    throw new Error("it printed no JSON object");
  } catch (error) {
    throw inputError(
      "inventory-syntax",
      `the inventory program ${file} ${args.join(" ")} failed: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: "run it by hand: it must print JSON as `ansible-inventory --list` does",
      },
    );
  }
}
