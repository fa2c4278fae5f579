import fc from "fast-check";
import { GROUPS, HOST_PATTERNS, isSayable, NAMES, TREE } from "./generated-names.ts";

/** Pieces that make Python's literals, and what looks like them. */
const PIECE = fc.constantFrom(
  ..."0123456789._+-,:=()[]{}'\"\\ abxuXobBrR#eE".split(""),
  "True",
  "False",
  "None",
  "'a'",
  '"b"',
  "'''",
  "1, 2",
  "[1]",
  "{'a': 1}",
  "\\n",
  "\\x41",
  "\\101",
  "\\u00e9",
  "{{ x }}",
  "true",
  "é",
);
const PLAIN_VALUES = [
  "",
  "5",
  "0644",
  "1.50",
  "1e3",
  "0x1F",
  "yes",
  "no",
  "True",
  "null",
  "None",
  "a,b",
  "1,2,3",
  "[1, 'two', None]",
  '["a", "b"]',
  "{'a': {'b': [True]}}",
  '{"a": true}',
  "'quoted'",
  '"5"',
  "5 # five",
  "word # no comment",
  "a=b=c",
  "C:\\temp",
  "-1",
  "- 1",
  "1_000",
  "0o17",
  "0b11",
  "00",
  "007",
  "u'text'",
  "b'bytes'",
  "(1)",
  "(1,)",
  "()",
  "'a' 'b'",
  "10.0.0.1",
  "2001:db8::1",
  "1.2.3",
  "#fff",
];

const iniValue: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom(...PLAIN_VALUES) },
    { weight: 4, arbitrary: fc.array(PIECE, { maxLength: 7 }).map((pieces) => pieces.join("")) },
  )
  .filter(isSayable);

/** The value behind a host, quoted for shlex in one way or another, or not at all. */
const hostValue = fc
  .tuple(iniValue, fc.constantFrom("single", "double", "none", "none"))
  .map(([value, quotes]) => {
    if (quotes === "single") return `'${value.replaceAll("'", `'"'"'`)}'`;
    return quotes === "double" ? `"${value.replace(/[\\"]/g, "\\$&")}"` : value;
  });

const hostLine = fc
  .tuple(
    fc.constantFrom(...HOST_PATTERNS),
    fc.array(fc.tuple(fc.constantFrom(...NAMES), hostValue), { maxLength: 3 }),
    fc.constantFrom("", "", "", "  # comment"),
  )
  .map(
    ([host, values, comment]) =>
      `${host}${values.map(([name, value]) => ` ${name}=${value}`).join("")}${comment}`,
  );

const variableLine = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom("=", " = ", "= "), iniValue)
  .map((parts) => parts.join(""));
const priorityLine = fc.constantFrom("ansible_group_priority=10", "ansible_group_priority = 2");

const iniSection = fc.constantFrom(...GROUPS).chain((group) =>
  fc.oneof(
    { weight: 5, arbitrary: section(group, "", fc.array(hostLine, { maxLength: 4 })) },
    {
      weight: 3,
      arbitrary: section(
        group,
        ":vars",
        fc.array(fc.oneof({ weight: 8, arbitrary: variableLine }, { weight: 1, arbitrary: priorityLine }), {
          maxLength: 4,
        }),
      ),
    },
    {
      weight: 3,
      arbitrary: section(
        group === "ungrouped" ? "web" : group,
        ":children",
        fc.array(fc.constantFrom(...TREE), { maxLength: 3 }),
      ),
    },
  ),
);

function section(group: string, kind: string, lines: fc.Arbitrary<string[]>): fc.Arbitrary<string[]> {
  return fc
    .tuple(lines, fc.constantFrom("", "", " # of these"))
    .map(([content, comment]) => [`[${group}${kind}]${comment}`, ...content]);
}

/** Groups are declared in a section of their own more often than not: an undeclared one is an error in either program. */
const declarations = fc.subarray([...TREE], { minLength: 4 });

export const iniText: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(hostLine, { maxLength: 2 }),
    fc.array(iniSection, { maxLength: 6 }),
    declarations,
    fc.boolean(),
    fc.constantFrom("", "; old style\n", "\n# comment\n\n"),
  )
  .map(([loose, sections, declared, first, comment]) => {
    const groups = declared.map((group) => `[${group}]`);
    const lines = [...loose, ...(first ? groups : []), ...sections.flat(), ...(first ? [] : groups)];
    return `${comment}${lines.join("\n")}\n`;
  });
