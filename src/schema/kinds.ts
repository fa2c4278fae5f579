/** Kinds of files that there is a schema for. */
export const SCHEMA_KINDS = ["playbook", "tasks", "handlers", "role", "inventory", "variables"] as const;

export type SchemaKind = (typeof SCHEMA_KINDS)[number];
