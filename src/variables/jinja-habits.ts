/** Filters of Jinja2 and Ansible whose function has another name here. */
const RENAMED: Readonly<Record<string, string>> = {
  bool: "to_bool",
  count: "length",
  d: "default",
  e: "escape",
  float: "to_float",
  int: "to_int",
  map: "attributes",
  string: "to_text",
};

/** Lookups and the functions that do the same. */
const LOOKUPS: Readonly<Record<string, string>> = {
  dict: "dict2items",
  env: "env",
  file: "read_file",
  fileglob: "fileglob",
  first_found: "file_exists",
  password: "password_file",
  pipe: "pipe",
  template: "read_template",
};

const TEST_NAMES: Readonly<Record<string, string>> = {
  defined: "defined",
  undefined: "not defined",
  none: "is_none",
  string: "is_string",
  number: "is_number",
  integer: "is_integer",
  boolean: "is_boolean",
  mapping: "is_mapping",
  sequence: "is_list",
  iterable: "is_list",
  match: "regex_match",
  search: "regex_search",
  regex: "regex_search",
  version: "version",
  version_compare: "version",
  subset: "issubset",
  contains: "contains",
};

/** `{% if … %}` and the like: text to Handlebars, which would write it into the file as it stands. */
const STATEMENT =
  /\{%[-+]?\s*(if|elif|else|endif|for|endfor|set|endset|block|endblock|include|import|from|macro|endmacro|raw|endraw|with|endwith|filter|extends|do|call)\b[^%]*[-+]?%\}/;
const COMMENT = /(?<!\$)\{#-?\s[\s\S]*?#\}/;
/** Handlebars takes what stands in brackets for one name, and a text in the first place for the name of a function. */
const LIST = /^\s*\[(?:[^\]]*[,"'][^\]]*|[\d\s]*)\]\s*$/;
const CHOICE = /^(.*\S)\s+if\s+(.*\S)\s+else\s+(.*\S)\s*$/;
/** One statement, of the length that people write. */
const MUSTACHE = /\{\{(?!\s*else\b|[#^/>!])([^{}\n]{1,200})\}\}/g;

/** Where Jinja2 stands in a text that Handlebars would take for plain text. */
export function jinjaIn(text: string): { index: number; written: string; hint: string } | undefined {
  const statement = text.includes("{%") ? STATEMENT.exec(text) : null;
  if (statement !== null) {
    return {
      index: statement.index,
      written: statement[0],
      hint: statementHint(statement[1] ?? "", statement[0]),
    };
  }
  if (text.includes("[") || text.includes(" else ")) {
    for (const { 0: written, 1: source = "", index } of text.matchAll(MUSTACHE)) {
      const hint = valueHint(source.trim());
      if (hint !== undefined) return { index, written: written.slice(0, 40), hint };
    }
  }
  const comment = text.includes("{#") ? COMMENT.exec(text) : null;
  if (comment === null) return undefined;
  return {
    index: comment.index,
    written: (comment[0].split("\n")[0] ?? "").slice(0, 40),
    hint: "a comment of a template is written {{!-- … --}}",
  };
}

/** Values that Jinja2 has, and that Handlebars would take for something else. */
function valueHint(source: string): string | undefined {
  if (LIST.test(source)) return "a list is written in YAML, `key: [a, b]`, or computed: `key: !expr [a, b]`";
  const [, yes, condition = "", no] = CHOICE.exec(source) ?? [];
  if (yes === undefined) return undefined;
  const asked = /^[\w.]+$/.test(condition) ? condition : "(eq a b)";
  return `write {{ ternary ${asked} ${yes} ${no} }}, or {{#if ${asked}}} … {{else}} … {{/if}}`;
}

function statementHint(keyword: string, written: string): string {
  const rest = written.replace(/^\{%[-+]?\s*\w+\s*|\s*[-+]?%\}$/g, "");
  switch (keyword) {
    case "if":
    case "elif":
    case "else":
    case "endif":
      return "write {{#if name}} … {{else if other}} … {{else}} … {{/if}}; comparisons are functions: {{#if (eq a b)}}";
    case "for":
    case "endfor": {
      const list = /\bin\s+([\w.]+)/.exec(rest)?.[1] ?? "list";
      return `write {{#each ${list}}} … {{this}} or {{this.key}}, {{@index}}, {{@first}}, {{@last}} … {{/each}}; what stands outside is {{../name}} or {{@root.name}}`;
    }
    case "set":
    case "endset":
      return "compute it where variables are set: `vars:` of the task with `name: !expr …`";
    case "raw":
    case "endraw":
      return "braces that stay are written \\{{ so }}";
    case "include":
    case "import":
    case "from":
    case "extends":
      return '{{read_template "other.hbs"}} puts another template here';
    default:
      return "templates are Handlebars, and have no macros: {{#if}}, {{#unless}}, {{#each}}, {{#with}} and functions";
  }
}

/** Longer text is no slip of somebody's habits, and looking for one would take long. */
const LONGEST_LOOKED_AT = 500;

/** How arguments of one language are written in the other. */
type Call = (name: string, args: readonly string[]) => string;
const inExpression: Call = (name, args) => `${name}(${args.join(", ")})`;
const inTemplate: Call = (name, args) => `{{ ${[name, ...args].join(" ")} }}`;

/**
 * What to write instead of Jinja2 in an expression.
 *
 * @returns undefined where nothing looks like it.
 */
export function expressionHint(source: string): string | undefined {
  if (source.length > LONGEST_LOOKED_AT) return undefined;
  if (source.includes("{{")) return "an expression needs no braces: write the name as it is";
  if (source.includes("{%")) return 'a condition is written as it is, in CEL: name == "x" and count > 0';
  return (
    testHint(source) ??
    filterHint(source, inExpression) ??
    lookupHint(source, inExpression) ??
    (/\bnot\s+in\b/.test(source) ? "write not (value in list)" : undefined) ??
    inlineIfHint(source) ??
    (/[^~=!<>]~[^~=]/.test(source) ? "text is put together with +: to_text(a) + b" : undefined) ??
    (/[^=!<>]=[^=]/.test(source) ? "`==` compares" : undefined)
  );
}

/** What to write instead of Jinja2 between `{{` and `}}`. */
export function templateHint(text: string): string {
  if (/\{\{\s+\{/.test(text))
    return 'a mapping is written in YAML, `key: {a: 1}`, or computed: `key: !expr {"a": 1}`';
  const inside = /\{\{(?!\{)([^}]*)\}\}/g;
  for (const [, source = ""] of text.matchAll(inside)) {
    if (source.length > LONGEST_LOOKED_AT) continue;
    const hint = filterHint(source, inTemplate) ?? lookupHint(source, inTemplate);
    if (hint !== undefined) return hint;
    if (/\sif\s.*\selse\s/.test(source))
      return "write {{#if condition}} … {{else}} … {{/if}}, or {{ ternary condition a b }}";
    if (/==|!=|[^-]>|<|\+|~|\*|\s-\s|\band\b|\bor\b/.test(source))
      return "a computed value is an expression: `key: !expr a + 1`; in a template write {{ add a 1 }}, {{#if (eq a b)}}";
    if (/^\s*\w+\(/.test(source))
      return 'a function\'s arguments are separated by blanks: {{ join list "," }}';
    if (/\w\[['"0-9]/.test(source))
      return 'a key is written with a point: {{ name.key }}, {{ list.0 }}, {{ lookup name "a key" }}';
  }
  return "templates are Handlebars: {{ name }}, {{ name.key }}, {{ helper name }}, {{#each list}} … {{/each}}";
}

const VALUE = String.raw`[\w.]+(?:\[[^\]]*\])?(?:\([^()]*\))?|"[^"]*"|'[^']*'`;

/** `value | filter(a, b)`. */
function filterHint(source: string, call: Call): string | undefined {
  const filter = new RegExp(`(${VALUE})\\s*\\|\\s*(\\w+)(?:\\.(\\w+)\\.(\\w+))?\\s*(?:\\(([^()]*)\\))?`).exec(
    source.replaceAll("||", ";;"),
  );
  if (filter === null) return undefined;
  const [, value = "", bare = "", , inCollection, written = ""] = filter;
  const name = inCollection ?? bare;
  const args = argumentsIn(written);
  const text = inPlace(value.replaceAll("'", '"'), call);
  if (name === "map" && !/^attribute\s*=/.test(args[0] ?? ""))
    return call === inExpression
      ? `write ${text}.map(x, ${(args[0] ?? "lower").replaceAll('"', "")}(x))`
      : "write {{#each list}} … {{/each}}, or compute it in an expression: list.map(x, lower(x))";
  const plain = args.map((arg) => arg.replace(/^\w+\s*=\s*/, ""));
  return `a filter is a function here: write ${call(Object.hasOwn(RENAMED, name) ? (RENAMED[name] ?? name) : name, [text, ...plain])}`;
}

/** What stands between commas; those in quotes separate nothing. */
function argumentsIn(written: string): string[] {
  return [...written.matchAll(/(?:[^,'"]|'[^']*'|"[^"]*")+/g)]
    .map(([arg]) => arg.trim().replaceAll("'", '"'))
    .filter(Boolean);
}

/** In a template keys are written with points. */
function inPlace(value: string, call: Call): string {
  return call === inExpression ? value : value.replaceAll(/\[["]?([\w-]+)["]?\]/g, ".$1");
}

/** `lookup('env', 'HOME')`. */
export function lookupHint(source: string, call: Call = inExpression): string | undefined {
  const lookup = /\b(?:lookup|query|q)\(\s*['"](?:[\w.]*\.)?(\w+)['"]\s*(?:,\s*([^,)]*))?/.exec(source);
  if (lookup === null) return undefined;
  const [, kind = "", argument = ""] = lookup;
  const name = Object.hasOwn(LOOKUPS, kind) ? LOOKUPS[kind] : undefined;
  if (name === undefined)
    return `there is no lookup \`${kind}\`; a command on the controller gives what a program knows: ${call("pipe", ['"command"'])}`;
  return `a lookup is a function of its own here: write ${call(name, [argument.trim().replaceAll("'", '"')].filter(Boolean))}`;
}

/** `value is test`. */
function testHint(source: string): string | undefined {
  const test = new RegExp(`(${VALUE})\\s+is\\s+(not\\s+)?(\\w+)\\s*(?:\\(([^()]*)\\))?`).exec(source);
  if (test === null) return undefined;
  const [, value = "", not, name = "", args = ""] = test;
  const negated = (written: string): string => (not === undefined ? written : `not ${written}`);
  if (["failed", "changed", "skipped", "succeeded", "success"].includes(name)) {
    const written = name.startsWith("succ") ? `${value}.failed == false` : `${value}.${name}`;
    return `write ${not === undefined ? written : `not (${written})`}`;
  }
  if (name === "undefined" && not !== undefined) return `write defined(${value})`;
  const called = Object.hasOwn(TEST_NAMES, name) ? TEST_NAMES[name] : undefined;
  if (called === undefined)
    return 'tests are functions here: defined(name), is_string(name), name == null, regex_match(name, "…")';
  const given = args.trim() === "" ? "" : `, ${args.trim().replaceAll("'", '"')}`;
  return `write ${negated(`${called}(${value}${given})`)}`;
}

function inlineIfHint(source: string): string | undefined {
  const choice = /^(.*?)\s+if\s+(.*?)(?:\s+else\s+(.*))?$/s.exec(source.trim());
  return choice === null ? undefined : `write ${choice[2]} ? ${choice[1]} : ${choice[3] ?? "null"}`;
}

/** Python's words for values, which are names here. */
export const PYTHON_WORDS: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" };
