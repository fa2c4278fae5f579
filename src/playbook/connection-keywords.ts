import { literalOf } from "../variables/evaluate.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated } from "../variables/templated.ts";
import type { Entries } from "./entries.ts";
import { connectionOf, nameOf, portOf } from "./literal-keywords.ts";
import type { InheritedKeywords } from "./playbook.ts";

/** Keywords of a play with their readers, and the variables that say the same. `user` is the old name of `remote_user`. */
const VARIABLES: readonly [
  keyword: string,
  variable: string,
  read: (entries: Entries, keyword: string) => Templated | undefined,
][] = [
  ["connection", "ansible_connection", connectionOf],
  ["port", "ansible_port", portOf],
  ["remote_user", "ansible_user", nameOf],
  ["user", "ansible_user", nameOf],
];

/** `connection`, `port` and `remote_user` of a play, as variables. */
export function connectionVariables(entries: Entries): ReadonlyMap<string, SourcedVariable> {
  const variables = new Map<string, SourcedVariable>();
  for (const [keyword, variable, read] of VARIABLES) {
    const value = read(entries, keyword);
    if (value !== undefined) variables.set(variable, { value, at: entries.keyPosition(keyword) });
  }
  return variables;
}

/**
 * The same keywords inside a play. A host has one connection, so only `connection: local` can be meant there: the task works on the controller.
 */
export function localConnection(entries: Entries, keywords: InheritedKeywords): InheritedKeywords {
  for (const keyword of ["port", "remote_user"]) {
    if (entries.value(keyword) === undefined) continue;
    entries.note({
      code: "unknown-key",
      message: `\`${keyword}\` can't change within a play: a host has one connection`,
      at: entries.keyPosition(keyword),
      hint:
        keyword === "port"
          ? "write it on the play, or in the inventory; a role's variable of this name goes under `vars:`"
          : "write it on the play, or in the inventory; to act as somebody else, write `become_user:`",
    });
  }
  const connection = entries.value("connection");
  if (connection === undefined) return keywords;
  if (literalOf(connection) !== "local") {
    entries.wrong("connection", "local; another connection is chosen on the play, or in the inventory");
    return keywords;
  }
  return { delegateTo: { kind: "literal", value: "localhost" }, ...keywords };
}
