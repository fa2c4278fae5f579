/** The same in each run, so that a change is judged by what it changes. PLUMB_ORACLE_SEED=N tries others; PLUMB_ORACLE_CASES makes a run longer. */
export const SEED = Number(process.env["PLUMB_ORACLE_SEED"] ?? 20_261_126);
export const CASES = Number(process.env["PLUMB_ORACLE_CASES"] ?? 200);

/** Whole playbooks are slow in Ansible: fewer of them. */
export const PLAYBOOK_CASES = Math.ceil(CASES / 4);

/** What a failure says: how to repeat it, the files of the case, and what both programs made of it. */
export function explained(one: { files: Readonly<Record<string, string>> }, said: object): string {
  const files = Object.entries(one.files)
    .filter(([, text]) => text !== "---\n")
    .map(([name, text]) => `--- ${name}\n${text}`);
  return [`PLUMB_ORACLE_SEED=${SEED}`, JSON.stringify(said, undefined, 1), ...files].join("\n");
}
