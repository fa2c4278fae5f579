import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { isValueMap, type Value, type ValueMap } from "../variables/value.ts";
import type { InventoryBuilder } from "./inventory-builder.ts";
import { printedValue } from "./source-value.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;
const MOST_OUTPUT_BYTES = 512 * 1024 * 1024;

/**
 * Asks an inventory program: `--list` prints groups as JSON, and `--host NAME` the variables of a host unless `--list` has said them all under `_meta`
 * (Ansible, "Developing dynamic inventory").
 *
 * @throws DiagnosticsError inventory-syntax
 */
export async function readProgram(file: string, builder: InventoryBuilder): Promise<void> {
  const answer = await askProgram(file, ["--list"]);
  const hosts = new Set<string>();
  for (const [name, content] of Object.entries(answer)) {
    if (name !== "_meta") readGroup({ file, builder, hosts }, name, content);
  }
  const said = answer["_meta"];
  if (said !== undefined && !isValueMap(said)) throw wrong(file, "`_meta` is no mapping");
  const meta = said?.["hostvars"];
  if (meta !== undefined && !isValueMap(meta))
    throw wrong(file, "`_meta.hostvars` is no mapping of hosts to variables");
  for (const host of hosts) {
    const variables =
      meta === undefined
        ? await askProgram(file, ["--host", host])
        : ((Object.hasOwn(meta, host) ? meta[host] : undefined) ?? {});
    if (!isValueMap(variables)) throw wrong(file, `the variables of the host \`${host}\` are no mapping`);
    for (const [name, value] of Object.entries(variables)) {
      builder.hostVariable(host, name, printedValue(value, at(file), builder));
    }
  }
}

interface Reading {
  file: string;
  builder: InventoryBuilder;
  hosts: Set<string>;
}

function readGroup({ file, builder, hosts }: Reading, name: string, content: Value): void {
  builder.group(name, at(file));
  const group = groupContent(file, name, content);
  for (const host of listOf(file, `the hosts of \`${name}\``, group["hosts"])) {
    builder.addHost(name, host, { at: at(file) });
    hosts.add(host);
  }
  const variables = group["vars"] ?? {};
  if (!isValueMap(variables)) throw wrong(file, `the vars of \`${name}\` are no mapping`);
  for (const [key, value] of Object.entries(variables)) {
    builder.groupVariable(name, key, printedValue(value, at(file), builder));
  }
  for (const child of listOf(file, `the children of \`${name}\``, group["children"])) {
    builder.addChild(name, child, at(file));
  }
}

/** What a group may have, and what each looks like: a host's own variables have no such names and values. */
const GROUP_KEYS: Readonly<Record<string, (value: Value) => boolean>> = {
  hosts: Array.isArray,
  children: Array.isArray,
  vars: isValueMap,
};

/** A list is one of hosts; a mapping without any of the three keys is a host with its variables, as Ansible reads it. */
function groupContent(file: string, name: string, content: Value): ValueMap {
  if (!isValueMap(content)) return { hosts: content };
  for (const [key, value] of Object.entries(content)) {
    const meant = Object.keys(GROUP_KEYS).includes(key)
      ? undefined
      : didYouMean(key, Object.keys(GROUP_KEYS));
    if (meant !== undefined && GROUP_KEYS[meant]?.(value))
      throw wrong(file, `the group \`${name}\` has \`${key}\`: did you mean \`${meant}\`?`);
  }
  if (["hosts", "vars", "children"].some((key) => Object.hasOwn(content, key))) return content;
  return { hosts: [name], vars: content };
}

function listOf(file: string, what: string, value: Value | undefined): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    throw wrong(file, `${what} are no list of names`);
  }
  return value.map(String);
}

async function askProgram(file: string, args: readonly string[]): Promise<ValueMap> {
  let stdout: string;
  try {
    ({ stdout } = await run(path.resolve(file), args, { timeout: TIMEOUT_MS, maxBuffer: MOST_OUTPUT_BYTES }));
  } catch (error) {
    throw wrong(
      file,
      `\`${args.join(" ")}\` failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (stdout.trim() === "" && args[0] === "--host") return {};
  let answer: Value;
  try {
    answer = JSON.parse(stdout) as Value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const [beginning = ""] = stdout.trim().split("\n");
    const said = beginning === "" ? "nothing" : `\`${beginning.slice(0, 60)}\``;
    throw wrong(file, `\`${args.join(" ")}\` printed no JSON, or half of it; it begins with ${said}`);
  }
  if (!isValueMap(answer)) throw wrong(file, `\`${args.join(" ")}\` printed no JSON object`);
  return answer;
}

function at(file: string): { file: string; line: number; column: number } {
  return { file, line: 1, column: 1 };
}

function wrong(file: string, message: string): Error {
  return inputError("inventory-syntax", `the inventory program ${file}: ${message}`, {
    hint: "run it by hand: it must print JSON as `ansible-inventory --list` does",
  });
}
