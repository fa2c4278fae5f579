import { canonicalModuleName, loadModule, moduleNamesAndAliases } from "../modules/catalogue.ts";
import { KEYWORDS, type Place } from "../playbook/keywords.ts";
import { META_ACTIONS } from "../playbook/meta-task.ts";
import { DRAFT, either, type JsonSchema } from "./json-schema.ts";
import { KEYWORD_REFERENCE } from "./keyword-reference.ts";
import { moduleSchema } from "./module-schema.ts";

/** Names with a collection in front are taken as they come: whether there is such a module, the loader says. */
const COLLECTION_NAMES = { "^[a-z_]+\\.[a-z_]+\\.[a-z_]+$": {} };

/** A playbook: a list of plays and imports. */
export async function playbookSchema(): Promise<JsonSchema> {
  return {
    $schema: DRAFT,
    $comment: "A playbook of Plumb: a list of plays and imports",
    type: "array",
    items: either(
      { anyOf: [{ required: ["import_playbook"] }, { required: ["ansible.builtin.import_playbook"] }] },
      importSchema("import_playbook", { type: "string", description: "The file of another playbook." }),
      { ...placeSchema("play"), required: ["hosts"] },
    ),
    definitions: await taskDefinitions(),
  };
}

/** A file of tasks (`tasks/*.yml`), or of handlers. */
export async function tasksSchema(kind: "tasks" | "handlers"): Promise<JsonSchema> {
  return {
    $schema: DRAFT,
    $comment: `A file of ${kind} of Plumb`,
    $ref: `#/definitions/${kind}`,
    definitions: await taskDefinitions(),
  };
}

async function taskDefinitions(): Promise<Record<string, JsonSchema>> {
  const modules: Record<string, JsonSchema> = {};
  const references: Record<string, JsonSchema> = {};
  for (const name of moduleNamesAndAliases()) {
    const canonical = canonicalModuleName(name) ?? name;
    modules[`module-${canonical}`] ??= moduleSchema(await loadModule(canonical));
    references[name] = {
      $ref: `#/definitions/module-${canonical}`,
      description: (await loadModule(canonical)).summary,
    };
  }
  const item = (task: string): JsonSchema => ({
    type: "array",
    items: either(
      { anyOf: ["block", "rescue", "always"].map((key) => ({ required: [key] })) },
      placeSchema("block"),
      { $ref: `#/definitions/${task}` },
    ),
  });
  return {
    ...modules,
    tasks: item("task"),
    handlers: { type: "array", items: { $ref: "#/definitions/handler" } },
    task: placeSchema(
      "task",
      { ...references, ...pseudoModules() },
      { block: KEYWORD_REFERENCE["block"] ?? {} },
    ),
    handler: placeSchema("handler", { ...references, ...pseudoModules() }),
    roleEntry: {
      anyOf: [
        { type: "string", description: "The role's name: its folder in `roles/`." },
        // What is no keyword here is a variable for the role.
        { ...placeSchema("role"), additionalProperties: true, required: ["role"] },
      ],
    },
  };
}

/** The keywords of a place, with the names of modules where it has one. */
function placeSchema(
  place: Place,
  modules: Readonly<Record<string, JsonSchema>> = {},
  besides: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  const keywords = Object.fromEntries(KEYWORDS[place].map((name) => [name, KEYWORD_REFERENCE[name] ?? {}]));
  return {
    type: "object",
    additionalProperties: false,
    properties: { ...modules, ...besides, ...keywords },
    ...(Object.keys(modules).length === 0 ? {} : { patternProperties: COLLECTION_NAMES }),
  };
}

function importSchema(name: string, value: JsonSchema): JsonSchema {
  const place = placeSchema("include");
  return { ...place, properties: { ...place.properties, [name]: value, [`ansible.builtin.${name}`]: value } };
}

/** What stands where a module stands, and is none. */
function pseudoModules(): Record<string, JsonSchema> {
  const file = (description: string): JsonSchema => ({
    description,
    anyOf: [
      { type: "string" },
      {
        type: "object",
        additionalProperties: false,
        properties: { file: { type: "string" }, apply: { type: "object" } },
        required: ["file"],
      },
    ],
  });
  const role = (description: string): JsonSchema => ({
    description,
    anyOf: [
      {
        type: "object",
        additionalProperties: false,
        properties: {
          name: { type: "string", description: "The role." },
          role: { type: "string", description: "The same as `name`." },
          tasks_from: { type: "string", description: "Another file of its tasks than main." },
          vars_from: { type: "string", description: "Another file of its vars than main." },
          defaults_from: { type: "string", description: "Another file of its defaults than main." },
          handlers_from: { type: "string", description: "Another file of its handlers than main." },
          apply: { type: "object", description: "Keywords for the tasks inside." },
          allow_duplicates: { type: "boolean" },
          public: { type: "boolean", description: "The play sees its variables." },
          rolespec_validate: { type: "boolean" },
        },
      },
      { type: "string" },
    ],
  });
  return {
    meta: { enum: META_ACTIONS, description: "Something about the run itself." },
    import_tasks: file("A file of tasks, read with the playbook."),
    include_tasks: file("A file of tasks; its name may be a template."),
    import_role: role("A role among the tasks, read with the playbook."),
    include_role: role("A role among the tasks; its name may be a template."),
  };
}
