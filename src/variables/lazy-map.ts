import type { Value, ValueMap } from "./value.ts";

/** A mapping too large to be made for everybody who might look at it. */
interface Source {
  names(): Iterable<string>;
  has(name: string): boolean;
  get(name: string): unknown;
}

const sources = new WeakMap<object, Source>();

/** A mapping whose entries are made when they are looked at. The mapping itself takes no room, however many names it has. */
export function lazyMap(source: {
  names(): Iterable<string>;
  has(name: string): boolean;
  get(name: string): Value;
}): ValueMap {
  return proxyOf(source) as ValueMap;
}

/** The same with each value converted, if the mapping is such a one. */
export function convertedLazily(map: object, convert: (value: Value) => unknown): object | undefined {
  const source = sources.get(map);
  if (source === undefined) return undefined;
  return proxyOf({ ...source, get: (name) => convert(source.get(name) as Value) });
}

function proxyOf(source: Source): object {
  const isEntry = (name: string | symbol): name is string => typeof name === "string" && source.has(name);
  const proxy = new Proxy<object>(
    {},
    {
      get: (target, name) => (isEntry(name) ? source.get(name) : (Reflect.get(target, name) as unknown)),
      has: (target, name) => isEntry(name) || Reflect.has(target, name),
      ownKeys: () => [...source.names()],
      getOwnPropertyDescriptor: (_target, name) =>
        isEntry(name) ? { enumerable: true, configurable: true, get: () => source.get(name) } : undefined,
      // What is looked at is nobody's to change.
      set: () => false,
      defineProperty: () => false,
      deleteProperty: () => false,
    },
  );
  sources.set(proxy, source);
  return proxy;
}
