import { z } from "zod";
import { hostClock } from "../queries/host-clock.ts";
import { pathState } from "../queries/path-state.ts";
import type { ValueMap } from "../variables/value.ts";
import { certificateFacts, certificatesOf, daysLeft } from "./certificate-facts.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const duration = z.string().regex(/^\+(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s?)?$|^\d{14}Z$/, {
  error: "must be from now, such as +4w or +1d12h, or a time such as 20270131000000Z",
});

const params = z
  .strictObject({
    path: absolutePath.optional().describe("A file on the host: PEM or DER."),
    content: z.string().optional().describe("The certificate itself, PEM, instead of `path`."),
    valid_at: z
      .record(z.string(), duration)
      .default({})
      .describe("Names to times: whether it is valid then is told in `valid_at` of the result."),
    min_days_left: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe("Fail when it, or one that stands behind it in the file, is valid for fewer days."),
  })
  .refine((all) => (all.path === undefined) !== (all.content === undefined), {
    error: "give either `path` or `content`",
    path: ["path"],
  });

export const x509CertificateInfo = defineModule({
  name: "x509_certificate_info",
  summary: "What a certificate says, and for how long it is valid",
  description:
    "It only looks, together with the questions of the tasks around it. Time is the host's. With `min_days_left` it is a check: the task fails before users notice. `get_certificate` asks a server that is running.",
  params,
  examples: [
    {
      title: "Fail a month before it expires",
      yaml: "- x509_certificate_info:\n    path: /etc/pgbouncer/tls/server.crt\n    min_days_left: 30\n",
    },
    {
      title: "Whom is it for?",
      yaml: '- x509_certificate_info:\n    path: /etc/ssl/certs/app.crt\n    valid_at:\n      next_week: +1w\n  register: app\n- debug:\n    msg: "{{ app.subject.commonName }} until {{ app.expires }}"\n',
    },
  ],
  returns: {
    subject: "Whom it is for: commonName and the like. `issuer`: who issued it; `self_signed`: itself.",
    subject_alt_name: "Names and addresses, such as DNS:db1 and IP:10.0.0.1.",
    not_before: "Valid from, as 20260101000000Z. `not_after`: until.",
    expires: "Valid until, ISO 8601.",
    days_left: "Whole days until then; negative when it has expired.",
    expired: "Whether it has. `not_yet_valid`: whether it begins later.",
    valid_at: "Names to whether it is valid then.",
    serial_number: "Hexadecimal.",
    fingerprints: "sha1 and sha256.",
    public_key: "PEM. `public_key_type`: RSA, ECC, ED25519.",
    extended_key_usage: "What it is for, such as serverAuth. `is_ca`: whether it may issue others.",
    chain: "The same of those that stand behind it in the file.",
  },
  queries: ({ path }) => ({
    at: pathState({ path: path ?? "/", ...(path === undefined ? {} : { content: true }) }),
    clock: hostClock("now"),
  }),
  diff: (want, { at, clock }, { changesPending }) => {
    const what = want.path ?? "`content`";
    if (want.path !== undefined && at.type === "absent") {
      if (changesPending) return { action: "none", reason: `${what} is not there yet` };
      throw new ModuleFailure(`${what} is not there`);
    }
    const bytes =
      want.path === undefined
        ? Buffer.from(want.content ?? "")
        : at.type === "absent"
          ? undefined
          : at.content;
    const certificates = certificatesOf(bytes ?? Buffer.alloc(0));
    const [certificate, ...others] = certificates;
    if (certificate === undefined) throw new ModuleFailure(`${what} is no certificate`);
    const data: ValueMap = {
      ...certificateFacts(certificate, clock.seconds),
      valid_at: Object.fromEntries(
        Object.entries(want.valid_at).map(([name, time]) => {
          const then = secondsOf(time, clock.seconds);
          const [from, until] = [certificate.validFromDate, certificate.validToDate].map(
            (date) => date.getTime() / 1000,
          );
          return [name, (from ?? 0) <= then && then <= (until ?? 0)];
        }),
      ),
      chain: others.map((one) => certificateFacts(one, clock.seconds)),
    };
    const least = Math.min(...certificates.map((one) => daysLeft(one, clock.seconds)));
    if (want.min_days_left !== undefined && least < want.min_days_left)
      throw new ModuleFailure(
        least < 0 ? `${what} expired ${-least} days ago` : `${what} is valid for ${least} days only`,
        { data, hint: `${want.min_days_left} days were wanted: it has to be renewed` },
      );
    return { action: "none", reason: `valid for ${least} days`, data };
  },
  steps: () => [],
});

const UNITS: readonly [string, number][] = [
  ["w", 604_800],
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
];

function secondsOf(time: string, nowSeconds: number): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  if (year !== undefined)
    return (
      Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) /
      1000
    );
  return UNITS.reduce((sum, [unit, seconds]) => {
    const count =
      new RegExp(`(\\d+)${unit}`).exec(time)?.[1] ?? (unit === "s" ? /(\d+)$/.exec(time)?.[1] : undefined);
    return sum + Number(count ?? 0) * seconds;
  }, nowSeconds);
}
