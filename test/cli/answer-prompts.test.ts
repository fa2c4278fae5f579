import path from "node:path";
import { describe, expect, test } from "vitest";
import { answerPrompts, type Terminal } from "../../src/cli/answer-prompts.ts";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";
import { literalOf } from "../../src/variables/evaluate.ts";
import { extraVariables } from "../../src/variables/extra-variables.ts";
import { findings, folderWith } from "../inventory/inventory-files.ts";

/** A person who gives these answers, one after the other. */
function person(...answers: string[]): Terminal & { asked: [string, boolean][] } {
  const asked: [string, boolean][] = [];
  return {
    isThere: true,
    asked,
    ask: (prompt, { isPrivate }) => {
      asked.push([prompt, isPrivate]);
      return Promise.resolve(answers.shift() ?? "");
    },
  };
}

const NOBODY: Terminal = { isThere: false, ask: () => Promise.reject(new Error("asked")) };

async function answers(
  prompts: string,
  terminal: Terminal,
  { extra = [] as string[], secrets = new Secrets() } = {},
) {
  const folder = await folderWith({ "site.yml": `- hosts: all\n  vars_prompt:\n${prompts}` });
  const playbook = await loadPlaybook(path.join(folder, "site.yml"), { rolePaths: [] });
  const found = await answerPrompts([playbook], await extraVariables(extra), secrets, terminal);
  return Object.fromEntries([...found].map(([{ name }, { value }]) => [name, literalOf(value)]));
}

describe("vars_prompt", () => {
  test("private answers are secrets, the others are shown while they are typed", async () => {
    const terminal = person("v1.2", "hunter22");
    const secrets = new Secrets();
    const prompts = "    - {name: version, prompt: Which version, private: false}\n    - {name: password}\n";
    expect(await answers(prompts, terminal, { secrets })).toEqual({ version: "v1.2", password: "hunter22" });
    expect(terminal.asked).toEqual([
      ["Which version: ", false],
      ["password: ", true],
    ]);
    expect(secrets.appearsIn("hunter22")).toBe(true);
    expect(secrets.appearsIn("v1.2")).toBe(false);
  });

  test("what -e sets is not asked for", async () => {
    expect(await answers("    - {name: version}\n", NOBODY, { extra: ["version=2"] })).toEqual({});
  });

  test("without a terminal the default holds, and without a default it is an error", async () => {
    expect(await answers("    - {name: version, default: 1.5}\n", NOBODY)).toEqual({ version: "1.5" });
    const more = "    - {name: version}\n    - {name: other, default: x}\n    - {name: third}\n";
    expect(await findings(() => answers(more, NOBODY))).toEqual(["invalid-option:3", "invalid-option:5"]);
  });

  test("confirm asks until both answers are the same", async () => {
    expect(await answers("    - {name: p, confirm: true}\n", person("a", "b", "c", "c"))).toEqual({ p: "c" });
    const never = person("a", "b", "a", "b", "a", "b");
    expect(await findings(() => answers("    - {name: p, confirm: true}\n", never))).toEqual([
      "invalid-option:3",
    ]);
  });

  test("encrypt gives a hash for /etc/shadow, with the salt that is given or a new one", async () => {
    const fixed = await answers("    - {name: p, encrypt: sha512_crypt, salt: saltsalt}\n", person("secret"));
    expect(fixed["p"]).toBe(
      "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
    );
    const free = await answers("    - {name: p, encrypt: sha256_crypt, salt_size: 8}\n", person("secret"));
    expect(free["p"]).toMatch(/^\$5\$[./0-9A-Za-z]{8}\$/);
  });

  test.each([
    ["a misspelt key", "    - {name: p, privat: true}\n", "unknown-key:3"],
    ["no name", "    - {prompt: p}\n", "missing-key:3"],
    ["a name that can't be one", "    - {name: 1p}\n", "wrong-type:3"],
    ["a hash that Plumb does not make", "    - {name: p, encrypt: bcrypt}\n", "wrong-type:3"],
    ["no mapping", "    - version\n", "wrong-type:3"],
  ])("%s is found when the playbook is loaded", async (_, prompts, code) => {
    expect(await findings(() => answers(prompts, NOBODY))).toEqual([code]);
  });
});
