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

/** What a shell says that does not find a program (POSIX 2.8.2): an earlier task may bring it. */
const NO_PROGRAM = 127;

/** Where systemd keeps the units that its generators have made, of mount points in /etc/fstab and scripts in /etc/init.d. systemd-analyze does not look there by itself. */
const GENERATED = "/run/systemd/generator:/run/systemd/generator.late:";

/**
 * A drop-in is looked at together with the unit that it belongs to, and with what else there is for that unit: a folder that systemd-analyze looks into first has the new one. Of
 * a unit that is nowhere, only the drop-in itself can be judged. What is wrong with the unit without the drop-in is not the drop-in's fault. (systemd 252 and 257)
 *
 * @param file the drop-in's name, such as `limits.conf`.
 */
export function verifyDropinCommand(name: string, file: string): string {
  const unit = quote(name);
  const notFound = quote(`Unit ${name} not found.`);
  return [
    "folder=$(mktemp -d) && trap 'rm -rf \"$folder\"' EXIT",
    `dropin="$folder"/${unit}.d/${quote(file)}`,
    `mkdir "$folder"/${unit}.d && cp %s "$dropin" || exit`,
    `look() { code=0; SYSTEMD_UNIT_PATH="$folder:$more" systemd-analyze verify --man=no -- ${unit} > "$folder/said" 2>&1 || code=$?; }`,
    "more=; look",
    `if [ "$code" -eq ${NO_PROGRAM} ]; then cat "$folder/said"; exit ${NO_PROGRAM}; fi`,
    `if grep -qxF ${notFound} "$folder/said"; then more=${GENERATED}; look; fi`,
    `if grep -qxF ${notFound} "$folder/said"; then echo '[Unit]' > "$folder"/${unit}; look; code=0; fi`,
    'if grep -F "$folder/" "$folder/said" | sed "s|$folder/|/etc/systemd/system/|g" | grep .; then exit 1; fi',
    'if [ "$code" -eq 0 ]; then exit 0; fi',
    'mv "$folder/said" "$folder/with"; : > "$dropin"; look',
    'if ! cmp -s "$folder/said" "$folder/with"; then cat "$folder/with"; exit 1; fi',
  ].join("; ");
}
