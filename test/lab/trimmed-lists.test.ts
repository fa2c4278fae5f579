import { expect, test } from "vitest";
import { trimmed, wantedNames } from "../../src/lab/trimmed-lists.ts";

const LIST = `Package: server
Section: net
Depends: libserver1 (>= 2.0), mailer:any | virtual-mailer
Recommends: words
Suggests: server-doc

Package: libserver1
Section: libs
Pre-Depends: deep

Package: deep
Section: libs

Package: postman
Section: science
Provides: other, virtual-mailer (= 1)

Package: words
Section: localization

Package: server-doc
Section: doc
Description: Depends: game

Package: game
Section: games

Package: must
Priority: required
Section: libs

Package: php-cli
Section: php
`;

const UPDATES = `Package: deep
Section: libs
Version: 2

Package: game
Section: games
Version: 2
`;

test("what hosts are for stays in lists of packages, with all that it depends on or recommends, whichever list has it, and nothing else", () => {
  const wanted = wantedNames([LIST, UPDATES]);
  const names = ["server", "libserver1", "deep", "postman", "words", "must", "php-cli"];
  expect([...wanted].sort()).toEqual(names.toSorted());
  const text = trimmed(LIST, wanted);
  expect([...text.matchAll(/^Package: (.*)$/gm)].map(([, name]) => name)).toEqual(names);
  expect(text.startsWith(`${LIST.split("\n\n")[0]}\n\nPackage: libserver1\n`)).toBe(true);
  expect(trimmed(UPDATES, wanted)).toBe("Package: deep\nSection: libs\nVersion: 2\n\n");
});
