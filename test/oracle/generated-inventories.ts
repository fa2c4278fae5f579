import fc from "fast-check";
import type { CaseFiles } from "./ask-ansible.ts";

/** An inventory as somebody might have written it: its sources, and the files that they and their variables are in. */
export interface GeneratedInventory {
  sources: readonly string[];
  files: CaseFiles;
}

export const GROUPS = ["web", "db", "cache", "eu-west", "prod", "g_1", "z9", "ungrouped", "all"] as const;
export const HOSTS = [
  "web1",
  "web2.example.com",
  "10.0.0.7",
  "db1",
  "db2",
  "n-a",
  "app01",
  "2001:db8::1",
  "späti",
] as const;

const HOST_PATTERNS = [
  ...HOSTS,
  "db[1:3]",
  "app[01:05:2]",
  "n-[a:d]",
  "x[a:c][1:2].example.com",
  "r[X:Z:2]",
  "web1:2222",
  "10.0.0.[7:9]:22",
  "[2001:db8::1]:2022",
  "[10.0.0.7]:23",
  "2001:db8::[a:c]",
  "n[00:02]-[1:2]",
];

const NAMES = ["x", "y", "ansible_host", "ansible_port", "list", "a_b", "Z"] as const;

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

/** What Python could not put into JSON either, or what no JSON number holds. */
function isSayable(text: string): boolean {
  return !/e[+-]?\d{3}|\d{16}/i.test(text) && !/[\r\n]/.test(text);
}

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

/** `ungrouped` has no children, and is none but of `all`: Ansible takes hosts out of it that are in its children, and children's hosts too. */
const TREE = GROUPS.slice(0, -2);

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

const yamlVariables = fc
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

const yamlVariablesText = yamlVariables.map((lines) => `${lines.join("\n")}\n`);

/** Files beside the inventory: of a name each kind once, because Plumb reads what Ansible drops (docs/differences.md). */
const variableFiles: fc.Arbitrary<CaseFiles> = fc
  .uniqueArray(
    fc.tuple(
      fc.oneof(
        fc.constantFrom(...GROUPS).map((group) => `group_vars/${group}`),
        fc.constantFrom(...HOSTS).map((host) => `host_vars/${host}`),
      ),
      fc.constantFrom(
        ["", ".yml"],
        ["", ".yaml"],
        ["", ".json"],
        [""],
        ["/a.yml", "/b"],
        ["/main.yml"],
        ["/sub/x.yml", "/a.yml", "/.hidden.yml", "/old~", "/n.txt"],
      ),
      fc.array(yamlVariablesText, { minLength: 5, maxLength: 5 }),
    ),
    { selector: ([place]) => place, maxLength: 5 },
  )
  .map((places) =>
    Object.fromEntries(
      places.flatMap(([place, endings, texts]) => {
        const kinds = endings[0] === "" && endings.length > 1 ? [endings[1] ?? ""] : endings;
        return kinds.map((ending, index) => [`${place}${ending}`, texts[index] ?? ""]);
      }),
    ),
  );

const jsonVariables = fc.dictionary(fc.constantFrom(...NAMES), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
const someHosts = fc.subarray([...HOSTS], { maxLength: 4 });

const programGroup = fc.oneof(
  someHosts,
  fc.record(
    { hosts: someHosts, vars: jsonVariables, children: fc.subarray([...TREE], { maxLength: 2 }) },
    { requiredKeys: [] },
  ),
);

/** A program that prints groups for `--list`, and variables for `--host` where the list has no `_meta`. */
const program: fc.Arbitrary<string> = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...TREE, "all"), programGroup, { maxKeys: 5 }),
    fc.option(fc.dictionary(fc.constantFrom(...HOSTS), jsonVariables, { maxKeys: 4 }), { nil: undefined }),
    jsonVariables,
  )
  .map(([groups, hostvars, ofEach]) => {
    const list = hostvars === undefined ? groups : { ...groups, _meta: { hostvars } };
    const print = (value: unknown): string => `cat <<'END'\n${JSON.stringify(value)}\nEND\n`;
    return `#!/bin/sh\nif [ "$1" = --list ]; then\n${print(list)}else\n${print(ofEach)}fi\n`;
  })
  .filter((text) => !/e[+-]?\d{3}|\d{16}/.test(text));

const oneFile = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom("hosts", "hosts.ini", "hosts.cfg", "prod.inventory"), iniText),
  },
  { weight: 5, arbitrary: fc.tuple(fc.constantFrom("hosts.yml", "hosts.yaml", "site"), yamlText) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("cloud.sh", "cloud"), program) },
);

/** One source, several, or a directory of them; with variables beside. */
export const generatedInventory: fc.Arbitrary<GeneratedInventory> = fc
  .tuple(
    fc.constantFrom("one", "one", "two", "folder", "list"),
    oneFile,
    oneFile,
    variableFiles,
    variableFiles,
    fc.constantFrom("web1,db1", "db2:22,", "n-a,späti,web1:2222", "10.0.0.7,"),
  )
  .map(([shape, [nameA, textA], [nameB, textB], besideA, besideB, list]): GeneratedInventory => {
    const inFolder = (folder: string, files: CaseFiles): CaseFiles =>
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
    switch (shape) {
      case "one":
        return { sources: [nameA], files: { [nameA]: textA, ...besideA } };
      case "two":
        return {
          sources: [`a/${nameA}`, `b/${nameB}`],
          files: {
            ...inFolder("a", { [nameA]: textA, ...besideA }),
            ...inFolder("b", { [nameB]: textB, ...besideB }),
          },
        };
      case "folder":
        return {
          sources: ["inv"],
          files: inFolder("inv", {
            [`1${nameA}`]: textA,
            [`2${nameB}`]: textB,
            "old.bak": "[",
            "notes.md": "[",
            ...besideA,
          }),
        };
      default:
        return { sources: [list, nameA], files: { [nameA]: textA, ...besideA } };
    }
  });
