import { ENTRY_KEYS, OPTION_KEYS, OPTION_TYPES } from "../playbook/load-specification.ts";
import { DRAFT, type JsonSchema } from "./json-schema.ts";

const lines: JsonSchema = { anyOf: [{ type: "string" }, { type: "array" }] };
const lists = (description: string): JsonSchema => ({ type: "array", items: { type: "array" }, description });

/** What each key of a role's specification, and of an option in it, is for. Which of them there are, `playbook/load-specification.ts` says. */
const KEY_REFERENCE: Readonly<Record<string, JsonSchema>> = {
  author: lines,
  choices: { type: "array", description: "The only values." },
  default: {
    description: "What it is when nobody sets it, for the documentation; defaults/main.yml sets it.",
  },
  deprecated: { type: "object", description: "Since when, and what to use instead." },
  description: { ...lines, description: "What it is for." },
  elements: { enum: OPTION_TYPES, description: "Of a list: the type of its items." },
  examples: lines,
  mutually_exclusive: lists("Lists of options of which only one may be set."),
  no_log: { type: "boolean", description: "The same as `secret`." },
  notes: lines,
  options: { $ref: "#/definitions/options", description: "Name of a variable to what it takes." },
  required: { type: "boolean", description: "It must be set." },
  required_by: { type: "object", description: "An option to those that must be set with it." },
  required_if: lists("Lists of an option, its value, and the options that are required then."),
  required_one_of: lists("Lists of options of which one must be set."),
  required_together: lists("Lists of options that are set together or not at all."),
  secret: { type: "boolean", description: "Its value is hidden in every output." },
  seealso: { type: "array" },
  short_description: { type: "string", description: "What the role is for, in one line." },
  type: { enum: OPTION_TYPES, description: "The variable's type; `str` without it." },
  version_added: { type: ["string", "number"] },
};

const keys = (names: readonly string[]): JsonSchema => ({
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(names.map((name) => [name, KEY_REFERENCE[name] ?? {}])),
});

/** `meta/main.yml` and `meta/argument_specs.yml` of a role. */
export function roleSchema(): JsonSchema {
  return {
    $schema: DRAFT,
    $comment: "The specification of a role of Plumb",
    type: "object",
    properties: {
      dependencies: {
        type: "array",
        description: "Roles that run before this one, with parameters for them.",
        items: { anyOf: [{ type: "string" }, { type: "object", properties: { role: { type: "string" } } }] },
      },
      allow_duplicates: {
        type: "boolean",
        description: "The role runs as often as a play names it, and not once.",
      },
      galaxy_info: { type: "object", description: "Ansible's; Plumb does not look at it." },
      argument_specs: {
        type: "object",
        description: "The variables that the role takes, for each file of tasks that it is used by (`main`).",
        additionalProperties: keys(ENTRY_KEYS),
      },
    },
    definitions: {
      options: {
        type: "object",
        description:
          "Name of a variable to what it takes. Checked before the role's first task, on each host.",
        additionalProperties: keys(OPTION_KEYS),
      },
    },
  };
}
