import { z } from "zod";

/** What apt and dnf take for a name; which of them it is for is known on the host. */
const packageName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+:~^-]*(=[A-Za-z0-9.+~:-]+)?$/, {
  error:
    "must be the name of a package, with a version behind = (for dnf: behind -) if it must be that one: pgbouncer=1.18.0-1+deb12u1",
});

/** Parameters of `package`, which are apt's; `dnf` takes those of them that mean something there. */
export const packageParams = z
  .strictObject({
    use: z
      .enum(["auto", "apt", "dnf", "yum"])
      .default("auto")
      .describe("The package manager: by itself that which the fact `pkg_mgr` tells."),
    name: z
      .union([packageName, z.array(packageName)])
      .optional()
      .describe("One package or several, each with `=version` if it must be that one."),
    pkg: z
      .union([packageName, z.array(packageName)])
      .optional()
      .describe("Another name for `name`."),
    deb: z
      .string()
      .refine((text) => !/^[a-z]+:\/\//.test(text), {
        error:
          "is a file on the host here: `get_url` fetches it, with the checksum that says it is the right one",
      })
      .refine((text) => /^\/.+\.deb$/.test(text) || /^[a-z]+:\/\//.test(text), {
        error: "must be the absolute path of a .deb file on the host",
      })
      .optional()
      .describe("A package file on the host, instead of `name`; what it depends on is installed too."),
    state: z
      .enum(["present", "absent", "latest"])
      .default("present")
      .describe("`present`: installed. `latest`: at the newest version that apt knows. `absent`: removed."),
    purge: z.boolean().default(false).describe("With `absent`: configuration files too."),
    autoremove: z
      .boolean()
      .default(false)
      .describe(
        "With `absent`: what was installed only for it, too. Without `name`: whatever nothing needs any more.",
      ),
    upgrade: z
      .union([z.boolean(), z.enum(["yes", "no", "safe", "full", "dist"])])
      .default(false)
      .describe(
        "Without `name`: bring every package up to date; `safe` removes none, `full` and `dist` where that is necessary.",
      ),
    only_upgrade: z.boolean().default(false).describe("Packages that are not installed stay so."),
    lock_timeout: z
      .number()
      .int()
      .min(0)
      .default(300)
      .describe("Seconds to wait for another apt or dpkg to finish."),
    update_cache: z
      .boolean()
      .optional()
      .describe(
        "Refresh apt's lists before something is installed, if they are older than `cache_valid_time`, unless this is `false`; without `name`, for their own sake. With dnf: look into the repositories anew, if this is `true`.",
      ),
    cache_valid_time: z
      .number()
      .int()
      .min(0)
      .default(3600)
      .describe("Seconds for which apt's lists count as fresh."),
    install_recommends: z.boolean().default(false).describe("Install recommended packages too."),
    default_release: z.string().optional().describe("Prefer this release, such as bookworm-backports."),
    allow_downgrade: z
      .boolean()
      .default(false)
      .describe("A pinned version may be older than the installed one."),
    allow_change_held_packages: z
      .boolean()
      .default(false)
      .describe("Change a package that is on hold, too; afterwards it is on hold again."),
    start_services: z
      .boolean()
      .default(true)
      .describe(
        "Whether a package's service may start when it is installed. `false` keeps it down until it is configured.",
      ),
  })
  .refine((all) => all.name === undefined || all.pkg === undefined, {
    error: "is another name for `name`: give one",
    path: ["pkg"],
  })
  .refine((all) => upgradeOf(all) === undefined || (all.name ?? all.pkg) === undefined, {
    error: "is about every package: for some, `state: latest`",
    path: ["upgrade"],
  })
  .refine((all) => all.deb === undefined || (all.name ?? all.pkg) === undefined, {
    error: "says which package it is: leave out `name`",
    path: ["deb"],
  })
  .refine((all) => all.deb === undefined || upgradeOf(all) === undefined, {
    error: "is about one package, and `upgrade` about all",
    path: ["deb"],
  })
  .refine((all) => (all.name ?? all.pkg) !== undefined || all.state !== "absent", {
    error: "give the `name`",
    path: ["name"],
  });

export type PackageParams = z.infer<typeof packageParams>;

/** What apt calls it. */
export function upgradeOf({
  upgrade,
}: {
  upgrade: boolean | string;
}): "upgrade" | "dist-upgrade" | undefined {
  if (upgrade === false || upgrade === "no") return undefined;
  return upgrade === "full" || upgrade === "dist" ? "dist-upgrade" : "upgrade";
}
