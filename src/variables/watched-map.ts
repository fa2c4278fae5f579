import type { ValueMap } from "./value.ts";

type OnMissing = (name: string) => void;

const watched = new WeakMap<object, OnMissing>();

/** The same mapping; whoever asks it for a name that it does not have calls `onMissing` first, which may throw. */
export function watchedMap(values: ValueMap, onMissing: OnMissing): ValueMap {
  const proxy = watch(values, onMissing);
  watched.set(proxy, onMissing);
  return proxy;
}

/** A copy of a watched mapping, watched in the same way. */
export function watchedAs<Type extends object>(original: object, copy: Type): Type {
  const onMissing = watched.get(original);
  return onMissing === undefined ? copy : watch(copy, onMissing);
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
