import fc from "fast-check";
import { expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { extraVariables } from "../../src/variables/extra-variables.ts";
import type { Templated } from "../../src/variables/templated.ts";
import { type Answered, askAnsible } from "./ask-ansible.ts";
import { generatedExtra } from "./generated-variables.ts";
import { CASES, explained, SEED } from "./seed.ts";

function written(value: Templated): unknown {
  return value.kind === "text" ? value.template.source : value.kind === "literal" ? value.value : value.kind;
}

async function ours(text: string): Promise<Record<string, unknown> | string> {
  try {
    const { variables } = await extraVariables([text]);
    return Object.fromEntries([...variables].map(([name, { value }]) => [name, written(value)]));
  } catch (error) {
    if (error instanceof DiagnosticsError) return error.message;
    throw error;
  }
}

test("-e name=value is taken apart as Ansible does, and refused where it would leave out words", async () => {
  const texts = fc.sample(generatedExtra, { numRuns: CASES * 3, seed: SEED });
  const [answer] = await askAnsible<Record<string, Answered<Record<string, unknown>>>>([
    { kind: "extra", texts },
  ]);
  let read = 0;
  for (const [text, { value, error }] of Object.entries(answer?.value ?? {})) {
    const found = await ours(text);
    const told = explained({ files: {} }, { text, ansible: value ?? error, ours: found });
    if (
      error !== undefined ||
      Object.keys(value).some((name) => !/^[A-Za-z_]\w*$/.test(name) || name === "_raw_params")
    )
      expect(found, told).toBeTypeOf("string");
    else expect(found, told).toEqual(value);
    if (error === undefined) read += 1;
  }
  expect(read).toBeGreaterThan(CASES);
}, 60_000);
