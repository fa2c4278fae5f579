import { type Document, isMap, isPair, isScalar, isSeq, YAMLParseError } from "yaml";

/**
 * Keys that stand more than once in a mapping, in the words of the YAML reader. It would compare each key with all before it, which takes minutes for a
 * mapping of many thousands, such as the hosts of a large inventory.
 */
export function duplicateKeys({ contents }: Document.Parsed): YAMLParseError[] {
  const found: YAMLParseError[] = [];
  const open: unknown[] = [contents];
  while (open.length > 0) {
    const node = open.pop();
    if (isSeq(node)) for (const item of node.items) open.push(item);
    else if (isPair(node)) open.push(node.key, node.value);
    else if (isMap(node)) {
      const seen = new Set<unknown>();
      for (const { key, value } of node.items) {
        open.push(key, value);
        if (!isScalar(key)) continue;
        const start = key.range?.[0] ?? 0;
        if (seen.has(key.value))
          found.push(new YAMLParseError([start, start + 1], "DUPLICATE_KEY", "Map keys must be unique"));
        seen.add(key.value);
      }
    }
  }
  return found.sort((one, other) => one.pos[0] - other.pos[0]);
}
