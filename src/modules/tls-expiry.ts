import { z } from "zod";
import { certificateFiles } from "../queries/certificate-files.ts";
import { hostClock } from "../queries/host-clock.ts";
import { parseCertificate } from "./certificate-authority.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const params = z
  .strictObject({
    paths: z.array(absolutePath).min(1).describe("Certificates on the host, PEM; a file may hold several."),
    warn_days: z
      .number()
      .int()
      .min(0)
      .default(30)
      .describe("Warn of a certificate that is valid for fewer days."),
    fail_days: z.number().int().min(0).default(7).describe("Fail when one is valid for fewer days."),
  })
  .refine(({ warn_days, fail_days }) => fail_days <= warn_days, {
    error: "must not be more than warn_days",
    path: ["fail_days"],
  });

interface Dated {
  path: string;
  subject: string;
  expires: string;
  days_left: number;
}

export const tlsExpiry = defineModule<
  z.infer<typeof params>,
  { files: ReturnType<typeof certificateFiles>; clock: ReturnType<typeof hostClock> }
>({
  name: "tls_expiry",
  summary: "How many days certificates are valid for",
  description:
    "Warns of certificates that end soon and fails when one ends very soon, has ended, or is not there. By the host's clock. Changes nothing, and costs nothing in a run: it is asked together with everything else.",
  params,
  examples: [
    {
      title: "Every night, from cron",
      yaml: "- tls_expiry:\n    paths: [/etc/pgbouncer/tls/server.crt, /etc/pgbouncer/tls/ca.crt]\n    warn_days: 30\n    fail_days: 7\n",
    },
    {
      title: "As a number to go on with",
      yaml: '- tls_expiry:\n    paths: [/etc/ssl/certs/site.pem]\n    fail_days: 0\n  register: site\n- debug:\n    msg: "{{ site.days_left }} days"\n',
    },
  ],
  returns: {
    days_left: "Days until the first of them ends; negative after its end.",
    certificates: "Each with path, subject, expires, days_left.",
  },
  queries: ({ paths }) => ({ files: certificateFiles(paths), clock: hostClock("now") }),
  diff: (want, { files, clock }, { changesPending }) => {
    const dated: Dated[] = [];
    const missing: string[] = [];
    for (const path of want.paths) {
      const found = (files.certificates.get(path) ?? []).flatMap((pem) => parseCertificate(pem) ?? []);
      if (found.length === 0) missing.push(path);
      for (const { subject, validToDate } of found) {
        const days = (validToDate.getTime() / 1000 - clock.seconds) / 86_400;
        dated.push({
          path,
          subject: subject.replaceAll("\n", ", "),
          expires: validToDate.toISOString(),
          days_left: Math.floor(days),
        });
      }
    }
    if (missing.length > 0 && !changesPending)
      throw new ModuleFailure(`there is no certificate in ${missing.join(", ")}`);
    const first = Math.min(...dated.map(({ days_left }) => days_left));
    const certificates = dated.map((one) => ({ ...one }));
    const data = { days_left: dated.length === 0 ? null : first, certificates };
    const text = ({ path, subject, days_left }: Dated): string =>
      days_left < 0
        ? `${path} (${subject}) has ended`
        : `${path} (${subject}) is valid for ${days_left} days more`;
    const tooLate = dated.filter(({ days_left }) => days_left < want.fail_days);
    if (tooLate.length > 0)
      throw new ModuleFailure(`${tooLate.map(text).join("; ")}: fewer than ${want.fail_days}`, {
        hint: "playbooks/rotate-certificates.yml renews those of the internal authority",
        data,
      });
    const warnings = dated
      .filter(({ days_left }) => days_left < want.warn_days)
      .map((one) => ({ path: ["paths"], message: text(one) }));
    return {
      action: "none",
      reason: dated.length === 0 ? "not there yet" : `valid for ${first} days at least`,
      data,
      ...(warnings.length === 0 ? {} : { warnings }),
    };
  },
  steps: () => [],
});
