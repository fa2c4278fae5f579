import { parseArgs } from "node:util";

/** Options of the command line, such as `--rounds 3`, each with what it is when it is not given. Ends the process for `--help`, and with 2 for another one. */
export function options<Name extends string>(
  command: string,
  defaults: Readonly<Record<Name, string>>,
): Record<Name, string> {
  const names = Object.keys(defaults) as Name[];
  const usage = `usage: ${command} ${names.map((name) => `[--${name} ${defaults[name]}]`).join(" ")}\n`;
  try {
    const { values } = parseArgs({
      options: {
        help: { type: "boolean", default: false },
        ...Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
      },
    });
    if (!values.help) return { ...defaults, ...values };
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}
