import { compareVersions } from "../../pgbouncer/compare-versions.ts";
import { given, type LibraryFunction, oneOf, text } from "./library-function.ts";

const OPERATORS: Readonly<Record<string, (sign: number) => boolean>> = {
  "==": (sign) => sign === 0,
  "=": (sign) => sign === 0,
  eq: (sign) => sign === 0,
  "!=": (sign) => sign !== 0,
  "<>": (sign) => sign !== 0,
  ne: (sign) => sign !== 0,
  "<": (sign) => sign < 0,
  lt: (sign) => sign < 0,
  "<=": (sign) => sign <= 0,
  le: (sign) => sign <= 0,
  ">": (sign) => sign > 0,
  gt: (sign) => sign > 0,
  ">=": (sign) => sign >= 0,
  ge: (sign) => sign >= 0,
};

/** Python's LooseVersion: numbers and words in turn, a longer version above a shorter one. */
function loose(a: string, b: string): number {
  const [left, right] = [a, b].map((version) =>
    version
      .split(/(\d+|[a-z]+|\.)/)
      .filter((part) => part !== "" && part !== ".")
      .map((part) => (/^\d+$/.test(part) ? BigInt(part) : part)),
  );
  for (const [index, one] of (left ?? []).entries()) {
    const other = right?.[index];
    if (other === undefined) return 1;
    if (typeof one !== typeof other)
      throw new Error(`version: ${a} and ${b} can't be compared: a number stands where the other has a word`);
    if (one !== other) return one < other ? -1 : 1;
  }
  return (left?.length ?? 0) - (right?.length ?? 0);
}

/** Semantic Versioning 2.0.0, section 11. */
function semantic(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => {
    const parts = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/.exec(version);
    if (parts === null) throw new Error(`version: ${version} is not a semantic version such as 1.2.3`);
    return { numbers: parts.slice(1, 4).map(Number), before: parts[4]?.split(".") ?? [] };
  });
  if (left === undefined || right === undefined) return 0;
  for (const [index, one] of left.numbers.entries()) {
    if (one !== right.numbers[index]) return one - (right.numbers[index] ?? 0);
  }
  if (left.before.length === 0 || right.before.length === 0) return right.before.length - left.before.length;
  for (const [index, one] of left.before.entries()) {
    const other = right.before[index];
    if (other === undefined) return 1;
    if (one === other) continue;
    const [oneIsNumber, otherIsNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    if (oneIsNumber && otherIsNumber) return Number(one) - Number(other);
    if (oneIsNumber !== otherIsNumber) return oneIsNumber ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return left.before.length - right.before.length;
}

/** deb-version(7): epoch, version, revision; `~` sorts before everything, even the end. */
function debian(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => {
    const [, epoch = "0", rest = ""] = /^(?:(\d+):)?(.*)$/s.exec(version) ?? [];
    const dash = rest.lastIndexOf("-");
    return [epoch, dash === -1 ? rest : rest.slice(0, dash), dash === -1 ? "0" : rest.slice(dash + 1)];
  });
  for (const [index, one] of (left ?? []).entries()) {
    const sign = debianPart(one, right?.[index] ?? "");
    if (sign !== 0) return sign;
  }
  return 0;
}

function debianPart(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== "" || right !== "") {
    const [leftWord = "", rightWord = ""] = [/^\D*/.exec(left)?.[0], /^\D*/.exec(right)?.[0]];
    for (let index = 0; index < Math.max(leftWord.length, rightWord.length); index++) {
      const sign = debianOrder(leftWord[index]) - debianOrder(rightWord[index]);
      if (sign !== 0) return sign;
    }
    left = left.slice(leftWord.length);
    right = right.slice(rightWord.length);
    const [leftDigits = "", rightDigits = ""] = [/^\d*/.exec(left)?.[0], /^\d*/.exec(right)?.[0]];
    const [one, other] = [BigInt(leftDigits || 0), BigInt(rightDigits || 0)];
    if (one !== other) return one < other ? -1 : 1;
    left = left.slice(leftDigits.length);
    right = right.slice(rightDigits.length);
  }
  return 0;
}

function debianOrder(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === "~") return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}

const KIND_NAMES = ["loose", "semver", "debian"] as const;
const KINDS = { loose, semver: semantic, debian };

/** Functions that compare versions. */
export const versionFunctions: readonly LibraryFunction[] = [
  {
    name: "version",
    parameters: ["a", "b", "operator?", "kind?"],
    aliases: ["version_is"],
    summary:
      "Whether two versions stand to each other as the operator (`==`, `!=`, `<`, `<=`, `>`, `>=`) says; `kind`: loose, semver, or debian for those of packages.",
    example: { expression: 'version("1.10", "1.9", ">=")', value: true },
    call: ([a, b, operator, kind]) => {
      const written = given(operator, (one) => text("version", one), "==");
      const holds = Object.hasOwn(OPERATORS, written) ? OPERATORS[written] : undefined;
      if (holds === undefined)
        throw new Error(`version: there is no operator ${written}; there is ==, !=, <, <=, >, >=`);
      const scheme = oneOf(
        "version",
        given(kind, (one) => text("version", one), "loose"),
        KIND_NAMES,
      );
      const compare = KINDS[scheme];
      return holds(compare(text("version", a), text("version", b)));
    },
  },
  {
    name: "version_compare",
    parameters: ["a", "b"],
    summary: "-1, 0 or 1: how two versions stand to each other, number by number.",
    example: { expression: 'version_compare("1.9", "1.18") < 0', value: true },
    call: ([a, b]) => compareVersions(text("version_compare", a), text("version_compare", b)),
  },
];
