import { z } from "zod";
import { quote } from "../shell/shell-text.ts";

const setting = z.union([z.string(), z.number(), z.boolean()]);

/** Settings of a section of a unit; a list gives the setting once for each item. */
export const section = z.record(
  z
    .string()
    .regex(/^[A-Z][A-Za-z0-9]*$/, { error: "must be a setting as systemd writes it, such as ExecStart" }),
  z.union([setting, z.array(setting)]),
);

export type UnitSection = z.infer<typeof section>;

/** The text of a unit; sections that are undefined are left out. */
export function sectionsText(sections: readonly [name: string, settings: UnitSection | undefined][]): string {
  const text = sections.flatMap(([name, settings]) =>
    settings === undefined
      ? []
      : [
          `[${name}]\n${Object.entries(settings)
            .map(([key, value]) => lines(key, value))
            .join("")}`,
        ],
  );
  return `# Managed by Plumb: changes by hand are undone by the next run.\n${text.join("\n")}`;
}

/** systemd.syntax(7): a value ends with its line, so a line end in it must be escaped by whoever means it. */
function lines(key: string, value: UnitSection[string]): string {
  const values = Array.isArray(value) ? value : [value];
  return values
    .map(
      (one) =>
        `${key}=${one === true ? "yes" : one === false ? "no" : String(one).replaceAll("\n", " \\\n  ")}\n`,
    )
    .join("");
}

/** Shell text in a `validate`, where `%s` would become the file. */
const words = (text: string): string => text.replaceAll("%s", "%''s");

/**
 * systemd-analyze only warns of settings that it does not know; what it says of our file counts as a refusal.
 *
 * @param beside another unit that is to be there, and that this one needs.
 */
export function verifyCommand(name: string, beside?: { name: string; text: string }): string {
  const unit = quote(name);
  return [
    "folder=$(mktemp -d) && trap 'rm -rf \"$folder\"' EXIT",
    `cp %s "$folder"/${unit}`,
    ...(beside === undefined
      ? []
      : [`printf ${words("%s")} ${words(quote(beside.text))} > "$folder"/${quote(beside.name)}`]),
    `code=0; systemd-analyze verify --man=no "$folder"/${unit} > "$folder/said" 2>&1 || code=$?`,
    'if grep -F "$folder/" "$folder/said" | sed "s|$folder/||g" | grep .; then exit 1; fi',
    'if [ "$code" -ne 0 ]; then cat "$folder/said"; exit 1; fi',
  ].join("; ");
}
