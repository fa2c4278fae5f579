import { describe, expect, test } from "vitest";
import { withJob, withoutJob, withoutVariable, withVariable } from "../../src/modules/crontab-text.ts";

const TEXT =
  "MAILTO=root\n#Ansible: one\n0 1 * * * one\n# mine\n5 5 * * * mine\n#Ansible: two\n0 2 * * * two\n";

describe("a crontab", () => {
  test("keeps a job where Ansible has put it, and what is not its own", () => {
    expect(withJob(TEXT, "one", "0 3 * * * one")).toBe(TEXT.replace("0 1 * * * one", "0 3 * * * one"));
    expect(withJob(TEXT, "one", "0 1 * * * one")).toBe(TEXT);
    expect(withJob("", "a", "@daily true")).toBe("#Ansible: a\n@daily true\n");
  });

  test("loses a job, and nothing else", () => {
    expect(withoutJob(TEXT, "one")).toBe(TEXT.replace("#Ansible: one\n0 1 * * * one\n", ""));
    expect(withoutJob(TEXT, "three")).toBe(TEXT);
  });

  test("a marker without its job does not take the next marker with it", () => {
    const text = "#Ansible: one\n#Ansible: two\n0 2 * * * two\n";
    expect(withoutJob(text, "one")).toBe("#Ansible: two\n0 2 * * * two\n");
    expect(withJob(text, "one", "0 1 * * * one")).toBe(
      "#Ansible: one\n0 1 * * * one\n#Ansible: two\n0 2 * * * two\n",
    );
  });

  test("a job that stands twice is kept once", () => {
    const twice = "#Ansible: a\n1 1 * * * a\n#Ansible: a\n2 2 * * * a\n";
    expect(withJob(twice, "a", "1 1 * * * a")).toBe("#Ansible: a\n1 1 * * * a\n");
  });

  test("variables go to the top, or beside another; one that is so already is left as it is written", () => {
    expect(withVariable(TEXT, "PATH", "/bin", {})).toBe(`PATH="/bin"\n${TEXT}`);
    expect(withVariable(TEXT, "PATH", "/bin", { after: "MAILTO" })).toBe(
      TEXT.replace("MAILTO=root\n", 'MAILTO=root\nPATH="/bin"\n'),
    );
    expect(withVariable(TEXT, "PATH", "/bin", { before: "SHELL" })).toBeUndefined();
    expect(withVariable(TEXT, "MAILTO", "root", {})).toBe(TEXT);
    expect(withVariable(TEXT, "MAILTO", "ops", {})).toBe(TEXT.replace("MAILTO=root", 'MAILTO="ops"'));
    expect(withoutVariable(TEXT, "MAILTO")).toBe(TEXT.replace("MAILTO=root\n", ""));
  });
});
