import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withEntry, withoutEntry } from "../../src/modules/fstab-text.ts";

const data = {
  src: "LABEL=data",
  path: "/srv/my data",
  fstype: "ext4",
  opts: "noatime",
  dump: "0",
  passno: "2",
};

describe("fstab", () => {
  test("a new entry goes to the end, with blanks as numbers", () => {
    expect(withEntry("# mine\n", data)).toBe("# mine\nLABEL=data /srv/my\\040data ext4 noatime 0 2\n");
  });

  test("a line that says the same stays as it is written, however it is spaced", () => {
    const text = "LABEL=data\t/srv/my\\040data  ext4   noatime 0 2\n";
    expect(withEntry(text, data)).toBe(text);
  });

  test("another line for the same place is replaced, and of several only one stays", () => {
    const text =
      "/dev/sda1 / ext4\n/dev/x /srv/my\\040data xfs\n#/dev/y /srv/my\\040data xfs\n/dev/z /srv/my\\040data xfs\n";
    expect(withEntry(text, data)).toBe(
      "/dev/sda1 / ext4\n#/dev/y /srv/my\\040data xfs\nLABEL=data /srv/my\\040data ext4 noatime 0 2\n",
    );
  });

  test("swap areas are told apart by what they are on", () => {
    const swap = { src: "/b", path: "none", fstype: "swap", opts: "sw", dump: "0", passno: "0" };
    expect(withEntry("/a none swap sw 0 0\n", swap)).toBe("/a none swap sw 0 0\n/b none swap sw 0 0\n");
    expect(withoutEntry("/a none swap sw 0 0\n/b none swap sw 0 0\n", swap)).toBe("/a none swap sw 0 0\n");
  });

  test("whatever the entry: putting it in twice is putting it in once, and it can be taken out again", () => {
    const word = fc.string({ minLength: 1, unit: fc.constantFrom(..."ab #\\\tü=,/".split("")) });
    const place = word.map((text) => `/${text}`);
    fc.assert(
      fc.property(word, place, word, (src, path, opts) => {
        const entry = { src, path, fstype: "ext4", opts, dump: "0", passno: "0" };
        const once = withEntry("# mine\nproc /proc proc defaults 0 0\n", entry);
        expect(withEntry(once, entry)).toBe(once);
        expect(withoutEntry(once, entry)).toBe("# mine\nproc /proc proc defaults 0 0\n");
      }),
    );
  });
});
