import fc from "fast-check";
import type { CaseFiles } from "./ask-ansible.ts";
import { iniText } from "./generated-ini.ts";
import { GROUPS, HOSTS, NAMES, TREE } from "./generated-names.ts";
import { yamlText, yamlVariables } from "./generated-yaml.ts";

/** An inventory as somebody might have written it: its sources, and the files that they and their variables are in. */
export interface GeneratedInventory {
  sources: readonly string[];
  files: CaseFiles;
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
