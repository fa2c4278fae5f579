import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileExpression } from "../../../src/variables/expression.ts";
import { createScope } from "../../../src/variables/host-scope.ts";
import type { Value, ValueMap } from "../../../src/variables/value.ts";
import { ansibleAnswers } from "./ansible-answers.ts";

const AT = { file: "test", line: 1, column: 1 };
const CASES_EACH = 40;

/** Texts with what is awkward in them; Python orders text by code point, JavaScript by unit, so nothing beyond the basic plane. */
const word = fc.oneof(
  fc.constantFrom("a", "B", "b", "web1", "web10", "Ümlaut", "a b", "it's", "", "x.y", "-", "10.0.0.1"),
  fc.string({ maxLength: 8 }),
);
const integer = fc.integer({ min: -50, max: 50 });
const scalar = fc.oneof(word, integer);
const scalars = fc.array(scalar, { maxLength: 6 });
const words = fc.array(word, { maxLength: 6 });
const integers = fc.array(integer, { minLength: 1, maxLength: 6 });
const name = fc.constantFrom("a", "b", "c", "d");
const inner = fc.dictionary(name, fc.oneof(scalar, scalars), { maxKeys: 3 });
const mapping = fc.dictionary(name, fc.oneof(scalar, scalars, inner), { maxKeys: 4 });
const records = fc.array(fc.record({ n: integer, name: word }), { maxLength: 6 });
const partial = fc.array(fc.record({ n: integer, x: integer }, { requiredKeys: ["n"] }), { maxLength: 6 });
const version = fc
  .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 }))
  .map((parts) => parts.join("."));
const size = fc.integer({ min: 1, max: 4 });
const address = fc
  .oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 8, max: 30 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 16, max: 120 })),
  )
  .map(([ip, prefix]) => `${ip}/${prefix}`);
const file = fc
  .array(fc.constantFrom("etc", "nginx.conf", ".bashrc", "a.tar.gz", "..", ".", "x y", ""), { maxLength: 4 })
  .chain((parts) => fc.constantFrom(parts.join("/"), `/${parts.join("/")}`));
const json = fc
  .jsonValue({ maxDepth: 3, noUnicodeString: false })
  .filter((value) => !/-0|e[+-]|\.\d/.test(JSON.stringify(value)));
const password = fc.stringMatching(/^[ -~]{0,40}$/);
const salt = fc.stringMatching(/^[./0-9A-Za-z]{1,16}$/);

interface Pair {
  ours: string;
  theirs: string;
  variables: Record<string, fc.Arbitrary<unknown>>;
}

const pair = (ours: string, theirs: string, variables: Pair["variables"]): Pair => ({
  ours,
  theirs,
  variables,
});

const PAIRS: readonly Pair[] = [
  pair("unique(a)", "a | unique", { a: scalars }),
  pair("union(a, b)", "a | union(b)", { a: scalars, b: scalars }),
  pair("difference(a, b)", "a | difference(b)", { a: scalars, b: scalars }),
  pair("intersect(a, b)", "a | intersect(b)", { a: scalars, b: scalars }),
  pair("symmetric_difference(a, b)", "a | symmetric_difference(b)", { a: scalars, b: scalars }),
  pair("issubset(a, b)", "a is subset(b)", { a: scalars, b: scalars }),
  pair("combine(a, b)", "a | combine(b)", { a: mapping, b: mapping }),
  pair("combine([a, b, c])", "[a, b, c] | combine", { a: mapping, b: mapping, c: mapping }),
  pair("combine(a, b, true)", "a | combine(b, recursive=true)", { a: mapping, b: mapping }),
  ...["keep", "append", "prepend", "append_rp", "prepend_rp"].map((how) =>
    pair(`combine(a, b, true, "${how}")`, `a | combine(b, recursive=true, list_merge="${how}")`, {
      a: mapping,
      b: mapping,
    }),
  ),
  pair("dict2items(a)", "a | dict2items", { a: mapping }),
  pair('dict2items(a, "k", "v")', "a | dict2items(key_name='k', value_name='v')", { a: mapping }),
  pair("items2dict(dict2items(a))", "a | dict2items | items2dict", { a: mapping }),
  pair("dictsort(a)", "a | dictsort", { a: fc.dictionary(name, scalar) }),
  pair("zip(a, b)", "a | zip(b) | list", { a: scalars, b: scalars }),
  pair("zip_longest(a, b, 0)", "a | zip_longest(b, fillvalue=0) | list", { a: scalars, b: scalars }),
  pair("product(a, b)", "a | product(b) | list", { a: scalars, b: scalars }),
  pair("combinations(a, n)", "a | combinations(n) | list", { a: scalars, n: size }),
  pair("flatten(a)", "a | flatten", {
    a: fc.array(fc.oneof(scalar, scalars, fc.array(scalars, { maxLength: 2 }), fc.constant(null))),
  }),
  pair("flatten(a, 1)", "a | flatten(levels=1)", {
    a: fc.array(fc.oneof(scalar, scalars, fc.array(scalars, { maxLength: 2 }))),
  }),
  pair("sort(a)", "a | sort", { a: words }),
  pair("sort(a, null, true)", "a | sort(reverse=true)", { a: integers }),
  pair("sort(a, null, false, true)", "a | sort(case_sensitive=true)", { a: words }),
  pair('sort(a, "n")', "a | sort(attribute='n')", { a: records }),
  pair('groupby(a, "n").map(g, [g.grouper, g.list])', "a | groupby('n')", { a: records }),
  pair("min(a)", "a | min", { a: integers }),
  pair("max(a)", "a | max", { a: integers }),
  pair("sum(a)", "a | sum", { a: integers }),
  pair('sum(a, "n", 5)', "a | sum(attribute='n', start=5)", { a: records }),
  pair('attributes(a, "n")', "a | map(attribute='n') | list", { a: records }),
  pair('selectattr(a, "n", "gt", 5)', "a | selectattr('n', 'gt', 5) | list", { a: records }),
  pair('rejectattr(a, "n", "gt", 5)', "a | rejectattr('n', 'gt', 5) | list", { a: records }),
  pair('selectattr(a, "n")', "a | selectattr('n') | list", { a: records }),
  pair('selectattr(a, "x", "defined")', "a | selectattr('x', 'defined') | list", { a: partial }),
  pair('selectattr(a, "n", "in", b)', "a | selectattr('n', 'in', b) | list", { a: records, b: integers }),
  pair('selectattr(a, "name", "match", "w|B")', "a | selectattr('name', 'match', 'w|B') | list", {
    a: records,
  }),
  pair("select(a)", "a | select | list", { a: scalars }),
  pair('select(a, "odd")', "a | select('odd') | list", { a: integers }),
  pair('reject(a, "search", "[0-9]")', "a | reject('search', '[0-9]') | list", { a: words }),
  pair("batch(a, n)", "a | batch(n) | list", { a: scalars, n: size }),
  pair("slice(a, 1, -1)", "a[1:-1]", { a: scalars }),
  pair("default(a, b, true)", "a | default(b, true)", {
    a: fc.oneof(scalar, scalars, fc.constant(false)),
    b: word,
  }),
  pair("ternary(a, 1, 2)", "a | ternary(1, 2)", { a: fc.boolean() }),
  pair('regex_search(a, "[a-z]([0-9]+)")', "a | regex_search('[a-z]([0-9]+)')", { a: word }),
  pair(
    'default(regex_search(a, "(?P<n>[a-z])([0-9]+)", ["n", 2]), [])',
    "(a | regex_search('(?P<n>[a-z])([0-9]+)', '\\\\g<n>', '\\\\2')) or []",
    { a: word },
  ),
  pair('regex_findall(a, "[a-z]")', "a | regex_findall('[a-z]')", { a: word }),
  pair('regex_findall(a, "([a-z])(.)")', "a | regex_findall('([a-z])(.)')", {
    a: fc.stringMatching(/^[a-c1-3 ]{0,12}$/),
  }),
  pair(
    'regex_replace(a, "(?i)([A-Z])([0-9]?)", "<\\\\2\\\\g<1>>")',
    "a | regex_replace('(?i)([A-Z])([0-9]?)', '<\\\\2\\\\g<1>>')",
    { a: fc.stringMatching(/^[a-cA-C1-3 $]{0,12}$/) },
  ),
  pair("regex_search(b + a + b, regex_escape(a))", "(b + a + b) | regex_search(a | regex_escape)", {
    a: word,
    b: word,
  }),
  pair("regex_escape(a)", "a | regex_escape", { a: fc.stringMatching(/^[ -~]{0,12}$/) }),
  pair('split(a, " ")', "a | split(' ')", { a: word }),
  pair("split(a)", "a | split", { a: fc.stringMatching(/^[a-c \t]{0,12}$/) }),
  pair('join(a, ", ")', "a | join(', ')", { a: scalars }),
  pair("capitalize(a)", "a | capitalize", { a: fc.stringMatching(/^[a-cA-C1 ]{0,9}$/) }),
  pair("title(a)", "a | title", { a: fc.stringMatching(/^[a-cA-C1 -]{0,12}$/) }),
  pair("trim(a)", "a | trim", { a: fc.stringMatching(/^[a \n\t]{0,9}$/) }),
  pair('replace(a, "a", "xy")', "a | replace('a', 'xy')", { a: word }),
  pair("indent(a, 3)", "a | indent(3)", { a: fc.stringMatching(/^[ab\n]{0,9}[ab]$/) }),
  pair('format("%03d|%-4s|%s", n, a, n)', "'%03d|%-4s|%s' | format(n, a, n)", {
    n: integer,
    a: fc.stringMatching(/^[a-c]{0,6}$/),
  }),
  pair('format("%.2f %x", n, m)', "'%.2f %x' | format(n, m)", { n: integer, m: size }),
  pair("comment(a)", "a | comment", { a: fc.stringMatching(/^[a-c]{1,5}(\n[a-c]{1,5}){0,2}$/) }),
  pair('comment(a, "c")', "a | comment('c')", { a: fc.stringMatching(/^[a-c]{1,5}(\n[a-c]{1,5}){0,2}$/) }),
  pair('comment(a, "cblock")', "a | comment('cblock')", {
    a: fc.stringMatching(/^[a-c]{1,5}(\n[a-c]{1,5}){0,2}$/),
  }),
  pair("to_json(a)", "a | to_json", { a: json }),
  pair("to_nice_json(a)", "a | to_nice_json", { a: json }),
  pair("from_json(to_json(a))", "a | to_json | from_json", { a: json }),
  pair("from_yaml(to_yaml(a))", "a | to_yaml | from_yaml", { a: mapping }),
  pair("b64encode(a)", "a | b64encode", { a: word }),
  pair("b64decode(b64encode(a))", "a | b64encode | b64decode", { a: word }),
  pair('hash(a, "sha256")', "a | hash('sha256')", { a: word }),
  pair("checksum(a)", "a | checksum", { a: word }),
  pair("md5(a)", "a | md5", { a: word }),
  pair("to_uuid(a)", "a | to_uuid", { a: word }),
  pair('password_hash(a, "sha512", b)', "crypt(a, '$6$' + b)", { a: password, b: salt }),
  pair('password_hash(a, "sha256", b)', "crypt(a, '$5$' + b)", { a: password, b: salt }),
  pair('password_hash(a, "sha512", b, 1234)', "crypt(a, '$6$rounds=1234$' + b)", { a: password, b: salt }),
  ...["==", "!=", "<", "<=", ">", ">="].map((operator) =>
    pair(`version(a, b, "${operator}")`, `a is version(b, '${operator}')`, { a: version, b: version }),
  ),
  pair('version(a, b, ">=", "semver")', "a is version(b, '>=', version_type='semver')", {
    a: version.chain((one) => fc.constantFrom(one, `${one}-rc.1`, `${one}-rc.10`, `${one}-alpha`)),
    b: version.chain((one) => fc.constantFrom(one, `${one}-rc.2`, `${one}-beta.x`)),
  }),
  pair('ipaddr(a, "address")', "ip(a)", { a: address }),
  pair('ipaddr(a, "network")', "network(a)", { a: address }),
  pair('ipaddr(a, "subnet")', "subnet(a)", { a: address }),
  pair('ipaddr(a, "netmask")', "netmask(a)", { a: address }),
  pair('ipaddr(a, "hostmask")', "hostmask(a)", { a: address }),
  pair('to_text(ipaddr(a, "size"))', "size(a) | string", { a: address }),
  pair('ipaddr(a, "revdns")', "revdns(a)", { a: address }),
  pair("nthhost(a, n)", "nth(a, n)", { a: address, n: fc.constantFrom(0, 1, 3, -1, -2) }),
  pair("in_network(a, b)", "inside(a, b)", {
    a: fc.constantFrom("10.1.2.3", "192.168.1.1", "fd00::1", "fd01::2"),
    b: fc.constantFrom("10.0.0.0/8", "192.168.0.0/16", "fd00::/16", "::/0"),
  }),
  pair("ipsubnet(a, 20, n)", "nthsubnet(a, 20, n)", {
    a: fc.constantFrom("10.0.0.0/16", "172.16.0.0/12"),
    n: fc.constantFrom(0, 3, 15, -1),
  }),
  pair("basename(a)", "a | basename", { a: file }),
  pair("dirname(a)", "a | dirname", { a: file }),
  pair("splitext(a)", "a | splitext", { a: file }),
  pair("path_join([a, b])", "[a, b] | path_join", { a: file, b: file }),
  pair('relpath(a, "/etc")', "a | relpath('/etc')", { a: file.filter((one) => one.startsWith("/")) }),
  pair("realpath(a)", "a | realpath", {
    a: fc.constantFrom("/etc/../etc/hosts", "/no/such/./thing", "/proc/self/../1"),
  }),
  ...["%Y-%m-%d %H:%M:%S", "%a %A %b %B %d %e", "%j %U %W %V %G %u %w", "%I %p %y %s"].map((form) =>
    pair(`strftime("${form}", n)`, `'${form}' | strftime(n, utc=true)`, {
      n: fc.integer({ min: 0, max: 4_000_000_000 }),
    }),
  ),
  pair(
    'to_epoch(strftime("%Y-%m-%d %H:%M:%S", n)) == n',
    "('%Y-%m-%d %H:%M:%S' | strftime(n, utc=true) | to_datetime).year > 0",
    { n: fc.integer({ min: 0, max: 4_000_000_000 }) },
  ),
  pair("to_int(a)", "a | int", { a: fc.constantFrom("42", "-3", " 7 ", "1.9", 3.7, true) }),
  pair("to_bool(a)", "a | bool", {
    a: fc.constantFrom("yes", "No", "on", "off", "1", "0", "true", "False", true, 1, 0),
  }),
  pair("round(n, d)", "(n | round(d))", {
    n: fc.constantFrom(1.25, 2.5, 3.5, -1.5, 2.675, 10),
    d: fc.constantFrom(0, 1),
  }),
  pair('round(n, 0, "floor")', "n | round(0, 'floor')", { n: fc.constantFrom(1.25, 2.5, -1.5) }),
  pair("pow(n, 2)", "n | pow(2)", { n: integer }),
  pair("modulo(n, 7)", "n % 7", { n: integer }),
  pair("human_readable(n)", "n | human_readable", { n: fc.integer({ min: 0, max: 2 ** 45 }) }),
  pair("human_to_bytes(a)", "a | human_to_bytes", { a: fc.constantFrom("10M", "1.5K", "3GB", "12", "2 TB") }),
  pair("urlencode(a)", "a | urlencode", { a: word }),
  pair('urlsplit(a, "hostname")', "a | urlsplit('hostname')", {
    a: fc.constantFrom("https://db1:5432/app?x=1#y", "http://a.b/", "ssh://me:pw@h/"),
  }),
  pair(
    '[urlsplit(a, "path"), urlsplit(a, "query"), urlsplit(a, "fragment"), urlsplit(a, "port")]',
    "[a | urlsplit('path'), a | urlsplit('query'), a | urlsplit('fragment'), a | urlsplit('port')]",
    { a: fc.constantFrom("https://db1:5432/app?x=1#y", "http://a.b", "ssh://me:pw@h/") },
  ),
  pair('extract("a", b)', "'a' | extract(b)", { b: fc.record({ a: scalar }) }),
  pair('subelements(a, "k")', "a | subelements('k')", {
    a: fc.array(fc.record({ k: words }), { maxLength: 3 }),
  }),
];

const cases = PAIRS.flatMap((one, index) =>
  fc.sample(fc.record(one.variables), { numRuns: CASES_EACH, seed: 20_261_125 + index }).map((variables) => ({
    ...one,
    given: JSON.parse(JSON.stringify(variables)) as ValueMap,
  })),
);
const answers = ansibleAnswers(cases.map(({ theirs, given }) => ({ expression: theirs, variables: given })));

describe("Ansible's filters and Plumb's functions give the same", () => {
  test.each(PAIRS.map(({ ours, theirs }) => ({ ours, theirs })))("$theirs is $ours", ({ ours, theirs }) => {
    const compared = cases.flatMap((one, index) =>
      one.ours === ours && one.theirs === theirs ? [{ given: one.given, answer: answers[index] }] : [],
    );
    for (const { given, answer } of compared) {
      expect({ given, value: evaluated(ours, given) }).toEqual({ given, value: answer?.value });
    }
    // Errors on both sides would be the same too.
    expect(compared.filter(({ answer }) => answer?.error === undefined).length).toBeGreaterThan(
      CASES_EACH / 2,
    );
  });
});

function evaluated(expression: string, variables: ValueMap): Value | undefined {
  const layer = new Map(
    Object.entries(variables).map(([key, value]) => [key, { value: { kind: "literal" as const, value } }]),
  );
  try {
    return compileExpression(expression, AT).evaluate(
      createScope({ layers: [{ level: "test", variables: layer }] }),
    );
  } catch {
    // Ansible's answer must be an error too, which has no value.
    return undefined;
  }
}
