import type { RoleOption } from "../playbook/playbook.ts";
import { DRAFT, type JsonSchema, orComputed } from "./json-schema.ts";

const TYPES: Readonly<Record<RoleOption["type"], JsonSchema>> = {
  str: { type: ["string", "number", "boolean", "null"] },
  path: { type: "string" },
  int: { type: "integer" },
  float: { type: "number" },
  bool: { type: "boolean" },
  list: { type: "array" },
  dict: { type: "object" },
  raw: {},
  json: {},
  bytes: { type: ["string", "integer"] },
  bits: { type: ["string", "integer"] },
};

/** Variables of connections, which the inventory sets (Ansible's "Behavioral inventory parameters"). */
const CONNECTION: Readonly<Record<string, JsonSchema>> = {
  ansible_host: {
    type: "string",
    description: "The address to connect to, where it is not the host's name.",
  },
  ansible_port: orComputed({ type: "integer", description: "The port that sshd listens on." }),
  ansible_user: { type: "string", description: "The user to log in as." },
  ansible_connection: {
    enum: ["ssh", "local", "smart", "paramiko", "paramiko_ssh"],
    description: "How to reach the host.",
  },
  ansible_ssh_private_key_file: { type: "string", description: "The key to log in with." },
  ansible_ssh_common_args: {
    type: "string",
    description: 'Options of ssh: `-o ProxyJump=bastion`, `-o ProxyCommand="ssh -W %h:%p bastion"`.',
  },
  ansible_become: orComputed({ type: "boolean", description: "Act as another user." }),
  ansible_become_user: { type: "string", description: "The user to become." },
  ansible_become_method: { enum: ["sudo", "su"], description: "How to become another user." },
  ansible_become_exe: {
    type: "string",
    description: "The program that is run in place of sudo or su, such as `/opt/bin/sudo`.",
  },
  ansible_become_flags: { type: "string", description: "Options for sudo or su, such as `-E`." },
  ansible_become_password: { type: "string", description: "The password that becoming needs: from a vault." },
};

/** A file of variables: group_vars, host_vars, vars_files. @param options of the roles that are at hand, for completion. */
export function variablesSchema(options: ReadonlyMap<string, RoleOption>): JsonSchema {
  return { $schema: DRAFT, $comment: "A file of variables of Plumb", ...variableMap(options) };
}

/** An inventory in YAML. */
export function inventorySchema(options: ReadonlyMap<string, RoleOption>): JsonSchema {
  const variables: JsonSchema = { $ref: "#/definitions/variables" };
  return {
    $schema: DRAFT,
    $comment: "An inventory of Plumb",
    type: "object",
    additionalProperties: { $ref: "#/definitions/group" },
    definitions: {
      variables: variableMap(options),
      group: {
        description: "A group of hosts.",
        anyOf: [
          {
            type: "object",
            additionalProperties: false,
            properties: {
              hosts: {
                description: "Hosts of the group, with variables of theirs; `web[01:20]` stands for twenty.",
                anyOf: [
                  { type: "object", additionalProperties: { anyOf: [variables, { type: "null" }] } },
                  { type: "null" },
                ],
              },
              children: {
                description: "Groups whose hosts are in this one too.",
                anyOf: [
                  { type: "object", additionalProperties: { $ref: "#/definitions/group" } },
                  { type: "null" },
                ],
              },
              vars: {
                description: "Variables of all hosts of the group.",
                anyOf: [variables, { type: "null" }],
              },
            },
          },
          { type: "null" },
        ],
      },
    },
  };
}

function variableMap(options: ReadonlyMap<string, RoleOption>): JsonSchema {
  const roles = Object.fromEntries([...options].map(([name, option]) => [name, optionSchema(option)]));
  return {
    type: "object",
    propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
    properties: { ...CONNECTION, ...roles },
  };
}

function optionSchema({ type, description, choices, elements, options }: RoleOption): JsonSchema {
  const items = elements === undefined ? {} : { items: orComputed(TYPES[elements]) };
  const properties =
    options === undefined || type !== "dict"
      ? {}
      : { properties: Object.fromEntries([...options].map(([name, one]) => [name, optionSchema(one)])) };
  const schema: JsonSchema =
    choices === undefined ? { ...TYPES[type], ...items, ...properties } : { enum: choices };
  return orComputed({ ...schema, ...(description === "" ? {} : { description }) });
}
