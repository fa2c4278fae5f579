import fc from "fast-check";
import { GROUPS, HOSTS } from "./generated-names.ts";

const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...GROUPS) },
  { weight: 3, arbitrary: fc.constantFrom(...HOSTS) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "*",
      "web*",
      "*.example.com",
      "db?",
      "[wd]*",
      "[!w]*",
      "n-[a-c]",
      "app0[1-3]",
      "10.0.0.*",
      "??",
      "*[0-9]",
      "a[",
      "nosuch",
      "no*such",
      "[z-a]*",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "~web",
      "~web\\d",
      "~.*db.*",
      "~^n-",
      "~(web|db)1$",
      "~[a-d]",
      "~(",
      "~nosuch",
      "~(?i)WEB",
      "~(?P<n>web)",
    ),
  },
);

/** Not those where Plumb differs on purpose: an end before the beginning, and a range beyond the last host; and behind a glob Ansible counts hosts twice (docs/differences.md). */
const subscripted = fc
  .tuple(
    fc.constantFrom(...GROUPS),
    fc.constantFrom("[0]", "[-1]", "[1]", "[7]", "[0:0]", "[0:1]", "[0:]", "[0-1]", "[0:9]"),
  )
  .map((parts) => parts.join(""));

const term = fc.oneof({ weight: 5, arbitrary: word }, { weight: 2, arbitrary: subscripted });
const modifiedTerm = fc.tuple(fc.constantFrom("", "", "&", "!"), term).map((parts) => parts.join(""));

/** One pattern, or several joined in one of Ansible's two ways. */
export const generatedPattern: fc.Arbitrary<string> = fc.oneof(
  term,
  fc
    .tuple(fc.array(modifiedTerm, { minLength: 1, maxLength: 3 }), fc.constantFrom(",", ":", ", "))
    .map(([terms, separator]) => terms.join(separator))
    // A colon separates nothing where all of it reads as an address.
    .filter((pattern) => !(pattern.includes("::") && pattern.includes(":") && !pattern.includes(","))),
);
