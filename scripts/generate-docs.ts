import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import { reportSchema } from "../src/acceptance/report.ts";
import { rules } from "../src/lint/rules/catalogue.ts";
import { loadModule, moduleNames } from "../src/modules/catalogue.ts";
import { moduleReference } from "../src/modules/reference.ts";
import { functionLibrary } from "../src/variables/functions/library.ts";
import { pgbouncerDashboard } from "./pgbouncer-dashboard.ts";

/** Writes the pages that are made from the code: modules, roles' variables, functions. */
await rm("docs/modules", { recursive: true, force: true });
await mkdir("docs/modules", { recursive: true });
const index = ["# Modules", ""];
for (const name of moduleNames()) {
  const module = await loadModule(name);
  await writeFile(`docs/modules/${name}.md`, moduleReference(module).markdown);
  index.push(`- [${name}](${name}.md): ${module.summary}`);
}
await writeFile("docs/modules/README.md", `${index.join("\n")}\n`);

interface Option {
  type?: string;
  elements?: string;
  choices?: unknown[];
  required?: boolean;
  default?: unknown;
  description?: string;
}

for (const role of await readdir("roles")) {
  const text = await readFile(`roles/${role}/meta/argument_specs.yml`, "utf8");
  const { main } = (
    parse(text) as {
      argument_specs: { main: { short_description: string; options: Record<string, Option> } };
    }
  ).argument_specs;
  const rows = Object.entries(main.options).map(
    ([name, option]) =>
      `| \`${name}\` | ${typeOf(option)} | ${defaultOf(option)} | ${option.description ?? ""} |`,
  );
  const table = ["| variable | type | default | what it is |", "| --- | --- | --- | --- |", ...rows];
  await writeFile(
    `roles/${role}/README.md`,
    `# ${role}\n\n${main.short_description}.\n\n## Variables\n\n${table.join("\n")}\n`,
  );
}

await writeFile(
  "roles/grafana_dashboard/files/pgbouncer.json",
  `${JSON.stringify(pgbouncerDashboard(), undefined, 2)}\n`,
);

await writeFile(
  "docs/acceptance-report.schema.json",
  `${JSON.stringify(z.toJSONSchema(reportSchema), undefined, 2)}\n`,
);

const START = "<!-- functions -->";
const page = await readFile("docs/templates-and-expressions.md", "utf8");
const functions = [...functionLibrary]
  .sort((a, b) => (a.name < b.name ? -1 : 1))
  .map(({ name, parameters, summary, example, aliases }) => {
    const others = aliases === undefined ? "" : ` Also ${aliases.map((one) => `\`${one}\``).join(", ")}.`;
    const answer = JSON.stringify(example.value);
    const cells = [
      `\`${name}(${parameters.join(", ")})\``,
      summary + others,
      `\`${example.expression}\` is \`${answer}\``,
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
const table = ["| function | what it gives | example |", "| --- | --- | --- |", ...functions].join("\n");
await writeFile(
  "docs/templates-and-expressions.md",
  `${page.slice(0, page.indexOf(START))}${START}\n\n${table}\n`,
);

/** Examples as blocks of code, a file each. */
function exampleOf(files: Readonly<Record<string, string>>): string[] {
  return Object.entries(files).flatMap(([file, text]) => ["```yaml", `# ${file}`, text.trimEnd(), "```", ""]);
}

const RULES = "<!-- rules -->";
const lintPage = await readFile("docs/lint.md", "utf8");
const ruleSections = rules.flatMap(({ name, severity, summary, why, bad, good }) => [
  `### ${name}`,
  "",
  `${severity === "error" ? "Error" : "Warning"}: ${summary}.`,
  "",
  why,
  "",
  "Complained of:",
  "",
  ...exampleOf(bad),
  "Not complained of:",
  "",
  ...exampleOf(good),
]);
await writeFile(
  "docs/lint.md",
  `${lintPage.slice(0, lintPage.indexOf(RULES))}${RULES}\n\n${ruleSections.join("\n").trimEnd()}\n`,
);

function typeOf({ type = "str", elements, choices }: Option): string {
  if (choices !== undefined) return choices.map((choice) => `\`${String(choice)}\``).join(", ");
  return elements === undefined ? type : `list of ${elements}`;
}

function defaultOf({ default: value, required }: Option): string {
  if (value !== undefined) return `\`${JSON.stringify(value)}\``;
  return required === true ? "must be set, unless defaults/main.yml computes it" : "";
}
