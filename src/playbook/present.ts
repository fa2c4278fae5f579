/** An object with the key only where there is a value: for optional properties that must not hold undefined. */
export function present<Key extends string, Type>(key: Key, value: Type | undefined): { [K in Key]?: Type } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Type };
}
