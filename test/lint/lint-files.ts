import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { lint } from "../../src/lint/lint.ts";
import type { Finding } from "../../src/lint/rule.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";

export interface LintedFiles {
  findings: Finding[];
  /** `file:line:column rule`, with file names from the folder. */
  places: string[];
}

/** What lint finds in a folder with these files. */
export async function lintFiles(
  files: Readonly<Record<string, string>>,
  options: { extraNames?: readonly string[]; paths?: readonly string[]; keyring?: Keyring } = {},
): Promise<LintedFiles> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-lint-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), text);
    }
    const findings = await lint(
      (options.paths ?? ["."]).map((one) => path.join(folder, one)),
      {
        inventory: [],
        rolePaths: [],
        extraNames: new Set(options.extraNames),
        keyring: options.keyring ?? new Keyring(),
      },
    );
    const places = findings.map(
      ({ rule, at }) => `${path.relative(folder, at.file)}:${at.line}:${at.column} ${rule}`,
    );
    return { findings, places };
  } finally {
    await rm(folder, { recursive: true });
  }
}
