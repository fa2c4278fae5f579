import type { ValueMap } from "./value.ts";

type OnMissing = (name: string) => void;

const watched = new WeakMap<object, { values: ValueMap; onMissing: OnMissing }>();

/** The same mapping; whoever asks it for a name that it does not have calls `onMissing` first, which may throw. */
export function watchedMap(values: ValueMap, onMissing: OnMissing): ValueMap {
  const proxy = watch(values, onMissing);
  watched.set(proxy, { values, onMissing });
  return proxy;
}

/** What a watched mapping's values are converted to, watched in the same way, if the mapping is such a one. Who converts the same values again may know them by that. */
export function convertedWatched(map: object, convert: (values: ValueMap) => object): object | undefined {
  const one = watched.get(map);
  if (one === undefined) return undefined;
  const converted = convert(one.values);
  return converted === one.values ? map : watch(converted, one.onMissing);
}

function watch<Type extends object>(values: Type, onMissing: OnMissing): Type {
  const check = (name: string | symbol): void => {
    // What every object has, such as its constructor, is no variable: expressions look at it to know what they have before them.
    if (typeof name === "string" && !Object.hasOwn(values, name) && !(name in Object.prototype))
      onMissing(name);
  };
  return new Proxy(values, {
    get: (target, name) => {
      check(name);
      return Reflect.get(target, name) as unknown;
    },
    has: (target, name) => {
      check(name);
      return Reflect.has(target, name);
    },
    getOwnPropertyDescriptor: (target, name) => {
      check(name);
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
  });
}
