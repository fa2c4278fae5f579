import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { canonicalModuleName, loadModule, moduleNamesAndAliases } from "../modules/catalogue.ts";
import { findOwnModules } from "../modules/own-modules.ts";
import { inspectRole } from "../playbook/load-playbook.ts";
import type { RoleOption } from "../playbook/playbook.ts";
import { DRAFT, type JsonSchema } from "../schema/json-schema.ts";
import { SCHEMA_KINDS, type SchemaKind } from "../schema/kinds.ts";
import { moduleSchema } from "../schema/module-schema.ts";
import { playbookSchema, tasksSchema } from "../schema/playbook-schema.ts";
import { roleSchema } from "../schema/role-schema.ts";
import { inventorySchema, variablesSchema } from "../schema/variables-schema.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { shippedRoles } from "./read-input.ts";

/** Each kind of file that there is a schema for. */
const KINDS: Readonly<Record<SchemaKind, () => Promise<JsonSchema>>> = {
  playbook: playbookSchema,
  tasks: () => tasksSchema("tasks"),
  handlers: () => tasksSchema("handlers"),
  role: async () => roleSchema(),
  inventory: async () => inventorySchema(await roleOptions()),
  variables: async () => variablesSchema(await roleOptions()),
};

/** `plumb schema`: JSON Schema of what people write, for editors and for other programs. */
export async function schemaCommand(
  kind: string,
  module: string | undefined,
  options: { write?: string },
): Promise<ExitCode> {
  const output = consoleOutput();
  findOwnModules(process.cwd());
  if (options.write !== undefined) {
    await mkdir(options.write, { recursive: true });
    for (const [name, make] of Object.entries(KINDS))
      await writeFile(path.join(options.write, `${name}.json`), jsonOf(await make()));
    output.write(
      `${Object.keys(KINDS).length} schemas are in ${options.write}; docs/editor.md says how an editor finds them.\n`,
    );
    return EXIT.ok;
  }
  output.write(jsonOf(await schemaOf(kind, module)));
  return EXIT.ok;
}

async function schemaOf(kind: string, module: string | undefined): Promise<JsonSchema> {
  if (kind === "module") {
    const name = module === undefined ? undefined : canonicalModuleName(module);
    if (name !== undefined) return { $schema: DRAFT, title: name, ...moduleSchema(await loadModule(name)) };
    const meant = module === undefined ? undefined : didYouMean(module, moduleNamesAndAliases());
    throw inputError(
      "unknown-module",
      module === undefined ? "which module?" : `there is no module ${module}`,
      {
        hint: meant === undefined ? "plumb doc lists the modules" : `did you mean \`${meant}\`?`,
      },
    );
  }
  const known = SCHEMA_KINDS.find((one) => one === kind);
  if (known !== undefined) return KINDS[known]();
  throw inputError("invalid-option", `there is no schema of ${kind}`, {
    expected: [...SCHEMA_KINDS, "module NAME"].join(", "),
  });
}

/** Variables that the roles beside the current folder, and those that ship, declare. */
async function roleOptions(): Promise<Map<string, RoleOption>> {
  const found = new Map<string, RoleOption>();
  const loading = { rolePaths: [shippedRoles()], files: new Map() };
  for (const folder of new Set([shippedRoles(), path.resolve("roles")])) {
    for (const name of await readdir(folder).catch(() => [])) {
      const { plays } = await inspectRole(path.join(folder, name), loading);
      for (const [variable, option] of plays
        .flatMap(({ roles }) => roles)
        .flatMap((role) => [...(role.specification?.options ?? [])]))
        found.set(variable, option);
    }
  }
  return found;
}

const jsonOf = (schema: JsonSchema): string => `${JSON.stringify(schema, undefined, 2)}\n`;
