import fc from "fast-check";
import { GROUPS, HOST_PATTERNS, isSayable, NAMES, TREE } from "./generated-names.ts";

const YAML_SCALARS = [
  "yes",
  "No",
  "on",
  "OFF",
  "y",
  "n",
  "True",
  "false",
  "~",
  "null",
  "Null",
  "",
  "0644",
  "08",
  "0o14",
  "1_000",
  "1e3",
  "1.0e3",
  "1.0e+3",
  ".5",
  "+1",
  "-0",
  "0x1F",
  "0b101",
  "1:30",
  "190:20:30",
  "1:30.5",
  "2001-12-14",
  "2001-12-14 21:59:43",
  "2001-12-14t21:59:43.10-05:00",
  "2001-12-14T21:59:43Z",
  "12.5",
  "1.",
  "1_0.5",

  "word",
  "two words",
  "a:b",
  "#x",
  "'yes'",
  '"5"',
  '"a\\tb"',
  "'it''s'",
  "!!str 5",
  "[1, two, yes]",
  "{a: 1, 'b c': [x]}",
  "[]",
  "{}",
  "'{{ x }}'",
  "0_7",
  "0x_1f",
  "+.5",
  "-1_000",
  "10.0.0.1",
  "00",
  "0_",
  "1__0",
] as const;

const yamlScalar = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...YAML_SCALARS) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.constantFrom(..."0123456789_.:+-xbeE".split("")), { minLength: 1, maxLength: 7 })
      .map((pieces) => pieces.join(""))
      .filter((text) => !/:$|^[-:?]$|^[-:?] |^---|^\.\.\./.test(text) && isSayable(text))
      // Ansible takes them for numbers, and then finds no digit: docs/differences.md.
      .filter((text) => !/^[-+]?0[bx]_*$/.test(text)),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text)) },
);

export const yamlVariables = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), yamlScalar), { selector: ([name]) => name, maxLength: 3 })
  .map((pairs) => pairs.map(([name, value]) => `${name}: ${value}`));

const yamlHosts = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...HOST_PATTERNS), yamlVariables), {
    selector: ([name]) => name,
    maxLength: 3,
  })
  .map((hosts) => hosts.flatMap(([name, variables]) => [`"${name}":`, ...indented(variables)]));

const yamlGroupContent: fc.Memo<string[]> = fc.memo((depth) =>
  fc
    .tuple(
      yamlHosts,
      fc.tuple(yamlVariables, fc.constantFrom("", "", "", "ansible_group_priority: 5")),
      depth <= 1 ? fc.constant<string[]>([]) : yamlGroups(depth - 1),
      fc.shuffledSubarray(["hosts", "vars", "children"]),
    )
    .map(([hosts, [variables, priority], children, keys]) =>
      keys.flatMap((key) => {
        const lines =
          { hosts, vars: priority === "" ? variables : [...variables, priority], children }[key] ?? [];
        return [`${key}:`, ...indented(lines)];
      }),
    ),
);

function yamlGroups(depth: number, names: readonly string[] = TREE): fc.Arbitrary<string[]> {
  return fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), yamlGroupContent(depth)), {
      selector: ([name]) => name,
      maxLength: 3,
    })
    .map((groups) =>
      groups.flatMap(([name, content]) => [
        `${name}:`,
        ...(name === "ungrouped" ? ["  hosts:", "    web1:"] : indented(content)),
      ]),
    );
}

export const yamlText: fc.Arbitrary<string> = fc
  .tuple(fc.boolean(), yamlGroups(3, GROUPS.slice(0, -1)), yamlGroupContent(2))
  .map(([withAll, groups, all]) => {
    const lines = withAll ? ["all:", ...indented(all), ...groups] : groups;
    return `---\n${(lines.length === 0 ? ["all:"] : lines).join("\n")}\n`;
  });

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
