import { canonicalModuleName, loadModule } from "../../modules/catalogue.ts";
import { literalOf } from "../../variables/evaluate.ts";
import type { Templated } from "../../variables/templated.ts";
import type { Rule, RuleFinding } from "../rule.ts";
import { tasksOf, variablesOf } from "../tree.ts";
import { vaultedAmong } from "../vaulted-files.ts";

const SECRET_NAME =
  /(^|_)(password|passwd|passphrase|secret|secret_key|token|api_?key|private_key|access_key|become_pass)$/i;
/** What stands for no password, or says where one is. */
const NO_SECRET = /^(|\*|!+|x|none|omit|null|~|\/.*|.*\.(pem|key|txt|yml|yaml|gpg))$/i;

/** Secrets in plain text. */
export const plainSecret: Rule = {
  name: "plain-secret",
  severity: "error",
  summary: "a password, token or private key in plain text",
  why: "Whoever can read the repository, or any copy of it, has it. Put it in a vault (`plumb vault encrypt-string`), or read it where it is kept: `password_file`, `env`, `read_file`, `pipe`. What comes out of a vault is hidden in every output.",
  bad: {
    "group_vars/all.yml": "db_password: correct-horse\n",
    "site.yml":
      '- name: Web\n  hosts: all\n  tasks:\n    - name: Show\n      debug: {msg: "{{ db_password }}"}\n',
  },
  good: {
    "group_vars/all.yml": 'db_password: !expr env("DB_PASSWORD", "")\ndb_password_file: /etc/db\n',
    "site.yml":
      '- name: Web\n  hosts: all\n  tasks:\n    - name: Show\n      debug: {msg: "{{ db_password }}{{ db_password_file }}"}\n',
  },
  check: async (tree) => {
    const findings: RuleFinding[] = variablesOf(tree).flatMap(({ name, variable: { value, at } }) =>
      at === undefined ? [] : secretsIn(name, value, value.at ?? at),
    );
    for (const { task } of tasksOf(tree)) {
      // Includes, blocks in a loop and `meta` stand where a module stands, and are none.
      if (canonicalModuleName(task.module) === undefined) continue;
      const { secretParams = [] } = await loadModule(task.module);
      for (const { key, value } of task.parameters) {
        const at = value.at ?? task.at;
        const isSecret = secretParams.includes(key) && isPlain(literalOf(value));
        // A hash of a password is for everybody's eyes in no file, but no plain text either.
        if (isSecret && !isHash(literalOf(value)))
          findings.push(finding(`\`${key}\` of \`${task.module}\``, at));
        else findings.push(...keysIn(value, at));
      }
    }
    const vaulted = await vaultedAmong(findings.map(({ at }) => at.file));
    return findings.filter(({ at }) => !vaulted.has(at.file));
  },
};

function secretsIn(name: string, value: Templated, at: RuleFinding["at"]): RuleFinding[] {
  if (SECRET_NAME.test(name) && isPlain(literalOf(value)) && !isHash(literalOf(value)))
    return [finding(`\`${name}\``, at)];
  if (value.kind === "map")
    return value.entries.flatMap((entry) => secretsIn(entry.key, entry.value, entry.value.at ?? at));
  if (value.kind === "list") return value.items.flatMap((item) => secretsIn("", item, item.at ?? at));
  return keysIn(value, at);
}

/** Private keys say so themselves, whatever they are called. */
function keysIn(value: Templated, at: RuleFinding["at"]): RuleFinding[] {
  const literal = value.kind === "literal" ? value.value : undefined;
  return typeof literal === "string" && /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(literal)
    ? [finding("a private key", at)]
    : [];
}

const isPlain = (value: unknown): boolean => typeof value === "string" && !NO_SECRET.test(value.trim());
const isHash = (value: unknown): boolean =>
  typeof value === "string" && /^(\$[0-9a-z]+\$|SCRAM-SHA-256\$|md5[0-9a-f]{32}$)/.test(value);

const finding = (what: string, at: RuleFinding["at"]): RuleFinding => ({
  message: `${what} stands here in plain text`,
  at,
  isSecret: true,
  hint: "plumb vault encrypt-string puts it in a vault; password_file, env, read_file and pipe read it where it is kept",
});
