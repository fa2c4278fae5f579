import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { requireKnownTags, selectsTask, tagsOf } from "../../src/playbook/tags.ts";
import { withPlaybook } from "./loading.ts";

const selects = (own: string[], tags: string[], skipTags: string[] = []): boolean =>
  selectsTask({ keywords: { tags: own } }, { tags, skipTags });

describe("without --tags", () => {
  test.each([
    [[], true],
    [["a"], true],
    [["always"], true],
    [["never"], false],
    [["never", "a"], false],
    [["never", "always"], true],
  ])("tags %j take part: %s", (own, expected) => {
    expect(selects(own, [])).toBe(expected);
    expect(selects(own, ["all"])).toBe(expected);
  });
});

describe("--tags", () => {
  test.each([
    [["a"], ["a"], true],
    [["a", "b"], ["b"], true],
    [["a"], ["b"], false],
    [[], ["a"], false],
    [["always"], ["a"], true],
    [["never", "a"], ["a"], true],
    [["never"], ["never"], true],
    [["never"], ["tagged"], false],
    [["never", "a"], ["tagged"], false],
    [["a"], ["tagged"], true],
    [[], ["tagged"], false],
    [[], ["untagged"], true],
    [["a"], ["untagged"], false],
    [["a"], ["b", "all"], true],
  ])("of %j, with --tags %j: %s", (own, tags, expected) => {
    expect(selects(own, tags)).toBe(expected);
  });
});

describe("--skip-tags", () => {
  test.each([
    [["a"], ["a"], false],
    [["a"], ["b"], true],
    [["always"], ["always"], false],
    [["always"], ["all"], true],
    [["always"], ["all", "always"], false],
    [["a"], ["all"], false],
    [[], ["all"], false],
    [["a"], ["tagged"], false],
    [[], ["tagged"], true],
    [[], ["untagged"], false],
    [["always", "a"], ["a"], false],
  ])("of %j, with --skip-tags %j: %s", (own, skipped, expected) => {
    expect(selects(own, [], skipped)).toBe(expected);
  });
});

const word = fc.constantFrom("a", "b", "c", "always", "never");
const words = fc.uniqueArray(word, { maxLength: 3 });

test("what is skipped by name never runs, whatever else is asked for", () => {
  fc.assert(
    fc.property(words, words, words, (own, tags, skipped) => {
      if (own.some((tag) => skipped.includes(tag))) expect(selects(own, tags, skipped)).toBe(false);
    }),
  );
});

test("asking for more never runs less, skipping more never runs more", () => {
  fc.assert(
    fc.property(words, words, words, word, (own, tags, skipped, more) => {
      if (tags.length > 0 && selects(own, tags, skipped))
        expect(selects(own, [...tags, more], skipped)).toBe(true);
      if (!selects(own, tags, skipped)) expect(selects(own, tags, [...skipped, more])).toBe(false);
    }),
  );
});

const text = `- hosts: all
  tags: play
  tasks:
    - debug: {msg: x}
      tags: one
    - block:
        - debug: {msg: x}
      rescue:
        - debug: {msg: x}
          tags: rescue
      tags: block
  handlers:
    - {name: h, debug: {msg: x}, tags: handler}
`;

describe("tags of a playbook", () => {
  test("are those of plays, blocks, tasks and handlers", async () => {
    await withPlaybook(text, (playbook) =>
      expect(tagsOf([playbook])).toEqual(["block", "handler", "one", "play", "rescue"]),
    );
  });

  test("that stand nowhere are refused, with the list and the one that was meant", async () => {
    await withPlaybook(text, (playbook) => {
      const require =
        (tags: string[], skipTags: string[] = []) =>
        () =>
          requireKnownTags([playbook], { tags, skipTags });
      expect(require(["one", "all", "untagged"], ["block", "never"])).not.toThrow();
      expect(require(["oen"])).toThrow(
        expect.objectContaining({
          diagnostics: [
            expect.objectContaining({
              code: "unknown-tag",
              expected: "block, handler, one, play, rescue",
              hint: "did you mean `one`?",
            }),
          ],
        }),
      );
      expect(require([], ["nothing"])).toThrow("--skip-tags nothing");
    });
  });

  test("can't be refused where only a host tells what is included", async () => {
    const files = { "site.yml": '- hosts: all\n  tasks:\n    - include_tasks: "{{ x }}"\n' };
    await withPlaybook(files, (playbook) =>
      expect(() => requireKnownTags([playbook], { tags: ["any"], skipTags: [] })).not.toThrow(),
    );
  });
});
