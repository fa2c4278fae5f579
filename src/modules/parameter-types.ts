import { z } from "zod";

/** Types that parameters of several modules share, each with the message that a person needs. */

export const absolutePath = z
  .string()
  .min(1)
  .refine((path) => path.startsWith("/"), { error: "must be an absolute path (starting with /)" })
  .refine((path) => !path.includes("\0"), { error: "must not contain a NUL character" });

/**
 * Permission bits as four octal digits. A YAML number is refused: `mode: 0644` without quotes reads as 420 in one YAML version and as 644 in
 * another, and a wrong mode is a hole.
 */
export const fileMode = z.preprocess(
  (value) => (typeof value === "string" && /^[0-7]{3}$/.test(value) ? `0${value}` : value),
  z
    .string({
      error:
        'must be text in quotes, such as "0644": YAML reads a bare number in ways that differ between versions',
    })
    .regex(/^[0-7]{4}$/, { error: 'must be three or four octal digits in quotes, such as "0644"' }),
);

/** A name of a user or a group: what useradd(8) of shadow 4.13 takes, with upper case allowed for directory services. */
export const accountName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, {
    error: "must be a user or group name: letters, digits, `_`, `.`, `-`",
  })
  .max(32, { error: "must be at most 32 characters" });
