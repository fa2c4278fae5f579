import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import { withoutIgnored } from "./ignores.ts";
import { type LintOptions, readTree } from "./read-tree.ts";
import type { Finding } from "./rule.ts";
import { rules } from "./rules/catalogue.ts";

/**
 * Everything that can be said of playbooks, roles, templates and inventories without a host: what the loader complains of, and what the rules find,
 * in one pass, file by file and from top to bottom.
 *
 * @throws DiagnosticsError for a path that is not there
 */
export async function lint(paths: readonly string[], options: LintOptions): Promise<Finding[]> {
  const { tree, problems } = await readTree(paths, options);
  const findings = problems.flatMap(asFinding);
  for (const { name, severity, check } of rules) {
    for (const found of await check(tree)) findings.push({ rule: name, severity, ...found });
  }
  const names = new Set(rules.map(({ name }) => name));
  return sorted(withoutIgnored(once(findings), { ...tree, rules: names })).map((finding) =>
    redacted(finding, options.keyring.secrets),
  );
}

/** What stands in a vault is told of without what it is. */
function redacted(finding: Finding, secrets: Secrets): Finding {
  if (secrets.isEmpty) return finding;
  const { message, expected, hint } = finding;
  return {
    ...finding,
    message: secrets.redact(message),
    ...(expected === undefined ? {} : { expected: secrets.redact(expected) }),
    ...(hint === undefined ? {} : { hint: secrets.redact(hint) }),
  };
}

function asFinding({ code, severity, message, at, expected, hint }: Diagnostic): Finding[] {
  // A finding without a file is about an option, and there are none here.
  if (at === undefined) return [];
  return [
    {
      rule: code,
      severity,
      message,
      at,
      ...(expected === undefined ? {} : { expected }),
      ...(hint === undefined ? {} : { hint }),
    },
  ];
}

/** A file that several playbooks use is wrong once. */
function once(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ rule, at, message }) => {
    const key = JSON.stringify([rule, at.file, at.line, at.column, message]);
    return seen.size < seen.add(key).size;
  });
}

function sorted(findings: readonly Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) =>
      (a.at.file < b.at.file ? -1 : a.at.file > b.at.file ? 1 : 0) ||
      a.at.line - b.at.line ||
      a.at.column - b.at.column ||
      (a.rule < b.rule ? -1 : 1),
  );
}
