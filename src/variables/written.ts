import { type Document, isAlias, isMap, isScalar, isSeq, type Node as YamlNode } from "yaml";

/**
 * What stands in a YAML file, as plain data: every node with its place, scalars with their types. It is what of the `yaml` package's document is needed, and
 * it can be kept for the next run.
 */
export type Written = WrittenScalar | WrittenList | WrittenMap | WrittenAlias | WrittenOther;

/** Offsets of the first character and of the one after the last. */
export type Extent = readonly [number, number];

export interface WrittenScalar {
  kind: "scalar";
  value: unknown;
  tag?: string;
  extent?: Extent;
}

export interface WrittenList {
  kind: "list";
  items: readonly (Written | null)[];
  tag?: string;
  extent?: Extent;
}

export interface WrittenMap {
  kind: "map";
  pairs: readonly WrittenPair[];
  tag?: string;
  extent?: Extent;
}

export interface WrittenPair {
  key: Written | string | null;
  value: Written | null;
}

/** `*name`. One that leads nowhere, or to what it stands in, has no target. */
export interface WrittenAlias {
  kind: "alias";
  name: string;
  target?: Written;
  extent?: Extent;
}

/** YAML that is no value. */
export interface WrittenOther {
  kind: "other";
  extent?: Extent;
}

/** So many levels of mappings and lists in each other can be read: nobody writes them, and what reads them goes as deep as they do. */
const MOST_LEVELS = 250;

/** A file goes deeper than that; `extent` is where. */
export class NestedTooDeeply extends Error {
  readonly extent: Extent;

  constructor(extent: Extent) {
    super(`nested in more than ${MOST_LEVELS} levels`);
    this.name = "NestedTooDeeply";
    this.extent = extent;
  }
}

/**
 * What a parsed document says; null when it is empty.
 *
 * @throws NestedTooDeeply
 */
export function writtenIn(document: Document.Parsed): Written | null {
  const finished = new Map<unknown, Written>();
  let level = 0;
  const writtenNode = (node: unknown): Written | null => {
    if (node === null || node === undefined) return null;
    level += 1;
    if (level > MOST_LEVELS) throw new NestedTooDeeply(extentOf(node).extent ?? [0, 0]);
    const written = { ...shapeOf(node), ...extentOf(node) };
    level -= 1;
    finished.set(node, written);
    return written;
  };
  const shapeOf = (node: unknown): Written => {
    if (isAlias(node)) {
      // What is not finished yet stands around the alias.
      const target = finished.get(node.resolve(document));
      return { kind: "alias", name: node.source, ...(target === undefined ? {} : { target }) };
    }
    if (isScalar(node)) return { kind: "scalar", value: node.value, ...tagOf(node) };
    if (isSeq(node)) return { kind: "list", items: node.items.map(writtenNode), ...tagOf(node) };
    if (isMap(node)) {
      return {
        kind: "map",
        pairs: node.items.map(({ key, value }) => ({ key: keyOf(key), value: writtenNode(value) })),
        ...tagOf(node),
      };
    }
    return { kind: "other" };
  };
  /** A key that is no node is how the package gives `<<` where merging is on: as a symbol. */
  const keyOf = (key: unknown): Written | string | null =>
    typeof key === "object" ? writtenNode(key) : String(key);
  return writtenNode(document.contents);
}

function tagOf({ tag }: { tag?: string | undefined }): { tag?: string } {
  return tag === undefined ? {} : { tag };
}

function extentOf(node: unknown): { extent?: Extent } {
  const range = (node as YamlNode).range;
  return range == null ? {} : { extent: [range[0], range[1]] };
}
