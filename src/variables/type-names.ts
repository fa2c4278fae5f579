import type { ASTNode } from "@marcbachmann/cel-js";

/** Names that stand for types in CEL, and that people give to variables all the same. */
export const TYPE_NAMES: ReadonlySet<string> = new Set([
  "bool",
  "bytes",
  "double",
  "google",
  "int",
  "list",
  "map",
  "null_type",
  "optional",
  "string",
  "type",
  "uint",
]);

/** A name in an expression that may be a variable's or a type's. */
export interface TypeName {
  name: string;
  start: number;
  end: number;
}

/**
 * Where an expression says a type's name and may mean a variable: everywhere but beside `type(…)`, where a type is what is compared with, and where a macro has
 * bound the name. Methods and functions of the name are none.
 *
 * @param within the parts of the text that are looked at elsewhere.
 */
export function typeNamesIn(ast: ASTNode, within: readonly { start: number; end: number }[]): TypeName[] {
  const found: TypeName[] = [];
  const collect = (node: ASTNode, bound: ReadonlySet<string>): void => {
    const { start, end } = node.range;
    if (within.some((part) => part.start <= start && end <= part.end)) return;
    if (node.op === "id") {
      if (TYPE_NAMES.has(node.args) && !bound.has(node.args)) found.push({ name: node.args, start, end });
      return;
    }
    if (node.op === "rcall") {
      const [, receiver, args] = node.args;
      collect(receiver, bound);
      const [binder] = args;
      const inner = binder?.op === "id" && args.length > 1 ? new Set([...bound, binder.args]) : bound;
      for (const arg of args) collect(arg, inner);
      return;
    }
    if ((node.op === "==" || node.op === "!=") && node.args.some(isTypeCall)) {
      for (const side of node.args) if (side.op !== "id") collect(side, bound);
      return;
    }
    const walk = (part: unknown): void => {
      if (Array.isArray(part)) part.forEach(walk);
      else if (typeof part === "object" && part !== null && "op" in part) collect(part as ASTNode, bound);
    };
    walk(node.args);
  };
  collect(ast, new Set());
  return found;
}

function isTypeCall(node: ASTNode): boolean {
  return node.op === "call" && node.args[0] === "type";
}
