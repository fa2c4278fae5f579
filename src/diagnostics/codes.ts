/**
 * Every code that a diagnostic can carry. Tests assert codes, not prose, and each has a section in docs/errors.md.
 * Grouped by the room that raises them; add a code to its group.
 */
export type DiagnosticCode =
  // files and YAML
  | "file-not-found"
  | "file-unreadable"
  | "file-open-to-others"
  | "yaml-syntax"
  | "wrong-type"
  | "unknown-key"
  | "missing-key"
  // inventory
  | "inventory-syntax"
  | "pattern-syntax"
  | "pattern-matches-nothing"
  | "unknown-host"
  | "misspelt-group"
  // playbook
  | "unknown-module"
  | "several-modules"
  | "unknown-parameter"
  | "invalid-parameter"
  | "unknown-role"
  | "role-cycle"
  | "include-cycle"
  | "unknown-tag"
  | "unknown-handler"
  | "invalid-role-variable"
  | "refused-configuration"
  | "no-hosts"
  | "no-such-task"
  // variables
  | "template-syntax"
  | "expression-syntax"
  | "expression-type"
  | "unknown-function"
  | "function-arguments"
  | "undefined-variable"
  | "variable-cycle"
  | "reserved-variable"
  | "template-render"
  | "expression-evaluation"
  // vaults
  | "vault-no-password"
  | "vault-wrong-password"
  | "vault-damaged"
  | "vault-truncated"
  | "vault-already-vaulted"
  | "vault-not-vaulted"
  | "vault-password-source"
  | "vault-key"
  | "vault-tool-missing"
  // records, plans
  | "no-such-run"
  | "database-unavailable"
  | "invalid-plan"
  // command line
  | "invalid-option";
