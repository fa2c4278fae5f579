import { describe, expect, test } from "vitest";
import { nameOfRepository, readRepositoryLine } from "../../src/modules/apt-repository-line.ts";

describe("a repository in one line", () => {
  test("is read with its options, and gets a name from its address", () => {
    const line = readRepositoryLine(
      "deb [arch=amd64,arm64 signed-by=/etc/apt/keyrings/x.asc]  https://u@deb.example.org/a/debian  bookworm main contrib ",
    );
    expect(line).toEqual({
      types: ["deb"],
      uris: ["https://u@deb.example.org/a/debian"],
      suites: ["bookworm"],
      components: ["main", "contrib"],
      architectures: ["amd64", "arm64"],
      signedBy: "/etc/apt/keyrings/x.asc",
      trusted: false,
    });
    if (typeof line !== "string") expect(nameOfRepository(line)).toBe("deb_example_org_a_debian_bookworm");
  });

  test("of a flat repository has no component", () => {
    expect(readRepositoryLine("deb-src [trusted=yes] file:/srv/repository ./")).toMatchObject({
      types: ["deb-src"],
      components: [],
      trusted: true,
    });
  });

  test.each([
    ["ppa:someone/thing", "the whole line"],
    ["https://deb.example.org bookworm main", "must be a line as in sources.list"],
    ["deb https://deb.example.org bookworm", "needs a component"],
    ["deb [allow-insecure=yes] https://deb.example.org bookworm main", "has the option `allow-insecure=yes`"],
    ["deb [signed-by=0123ABCD] https://deb.example.org bookworm main", "by its fingerprint"],
  ])("%s is refused", (text, words) => {
    expect(readRepositoryLine(text)).toContain(words);
  });
});
