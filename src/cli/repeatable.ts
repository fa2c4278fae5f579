/**
 * Gathers an option that may be given several times. Not commander's `<file...>`: that takes the arguments behind it too, and `plumb run -i hosts.ini site.yml`
 * would have two inventories and no playbook.
 */
export const repeatable = (value: string, before: readonly string[] = []): string[] => [...before, value];
