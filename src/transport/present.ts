/** The key with its value, or nothing where there is no value: `exactOptionalPropertyTypes` tells the two apart. */
export function present<Key extends string, Type>(key: Key, value: Type | undefined): { [K in Key]?: Type } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Type };
}
