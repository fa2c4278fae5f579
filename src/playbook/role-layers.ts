import type { SourcedVariable } from "../variables/sourced.ts";
import type { RoleContext } from "./playbook.ts";

type Variables = ReadonlyMap<string, SourcedVariable>;

/** What a task of a role sees of roles, lowest first. */
export interface RoleLayers {
  defaults: readonly Variables[];
  variables: readonly Variables[];
  parameters: readonly Variables[];
}

/**
 * The levels of a role's variables: of the roles that pulled it in (outermost first), of the roles that it depends on, its own. Parameters come from
 * those that pulled it in and from its own entry only (Ansible's Role.get_default_vars, get_vars and get_role_params).
 */
export function roleLayers(role: RoleContext): RoleLayers {
  const above = parents(role);
  const order = [...new Set([...above, ...dependencies(role), role])];
  return {
    defaults: order.map(({ defaults }) => defaults),
    variables: order.map(({ variables }) => variables),
    parameters: [...above, role].map(({ parameters }) => parameters),
  };
}

function parents(role: RoleContext): RoleContext[] {
  return role.parent === undefined ? [] : [...parents(role.parent), role.parent];
}

function dependencies(role: RoleContext): RoleContext[] {
  return role.dependencies.flatMap((one) => [...dependencies(one), one]);
}
