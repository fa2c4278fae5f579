import { execFile } from "node:child_process";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { labHost, onHost } from "../lab-hosts.ts";
import { consoleCommand, health } from "../pooler-health.ts";
import { type LoadResult, startLoad } from "../pooler-load.ts";
import { givenCertificates, givenEverywhere, givenFiles } from "./given-certificates.ts";
import { authorityOf, type Provisioned, passwordOf, provisionFrom, told } from "./provision.ts";

const openssl = promisify(execFile);

/** TLS on both sides of the pooler: renewed, from another authority, with client certificates, and nobody notices. */
export function certificates(folder: () => string): void {
  const trusted = async (): Promise<string> =>
    await readFile(path.join(folder(), "pki-2", "both.crt"), "utf8").catch(() => authorityOf(folder()));
  const underLoad = async (act: () => Promise<void>, ca = trusted): Promise<LoadResult[]> => {
    const loads = await Promise.all(
      ["pool1", "pool2"].map((to) =>
        startLoad({
          from: "app1",
          to,
          database: "app",
          staying: 3,
          comingAndGoing: 2,
          credentials: async () => ({
            user: "app",
            password: await passwordOf(folder(), "app"),
            ca: await ca(),
          }),
        }),
      ),
    );
    try {
      await act();
    } finally {
      await Promise.all(loads.map(({ stop }) => stop()));
    }
    return Promise.all(loads.map(({ stop }) => stop()));
  };
  const serials = async (): Promise<string[]> =>
    Promise.all(
      [
        ["db1", "/etc/postgresql/tls"],
        ["pool1", "/etc/pgbouncer/tls"],
        ["pool2", "/etc/pgbouncer/tls"],
      ].map(([host = "", where]) => onHost(host, `openssl x509 -noout -serial -in ${where}/server.crt`)),
    );

  const complaints = async (): Promise<string> => {
    const logs = ["pool1", "pool2"].map((host) =>
      onHost(
        host,
        "journalctl --sync; journalctl --no-pager -o short-precise -u pgbouncer --since=-60s | grep -v -E 'login attempt|closing because: client|stats:' | tail -n 40",
      ),
    );
    return [...(await Promise.all(logs)), await onHost("db1", "tail -n 30 /var/log/postgresql/*.log")].join(
      "\n",
    );
  };

  test("certificates are rotated under load without a failed query, and once only", async () => {
    const before = await serials();
    const rotate = { playbook: "playbooks/rotate-certificates.yml", extra: ["{rotate_older_than: 0.3}"] };
    const results = await underLoad(async () => {
      const { tasks } = await provisionFrom(folder(), rotate);
      expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    });
    expect(results.flatMap(({ errors }) => errors)).toEqual([]);
    for (const { queries, logins } of results) expect(Math.min(queries, logins)).toBeGreaterThan(5);
    const after = await serials();
    expect(after.filter((serial) => before.includes(serial))).toEqual([]);
    expect(told((await provisionFrom(folder(), { ...rotate, extra: [] })).not("ok"))).toEqual([]);
  });

  test("one authority follows another under load, both being trusted in between", async () => {
    const extra = [
      JSON.stringify({
        old_ca_directory: path.join(folder(), "pki"),
        new_ca_directory: path.join(folder(), "pki-2"),
      }),
    ];
    const step = async (tag: string): Promise<string[]> => {
      const { tasks } = await provisionFrom(folder(), {
        playbook: "playbooks/change-authority.yml",
        extra,
        tags: [tag],
      });
      return told(tasks.filter(({ status }) => status === "failed"));
    };
    expect((await step("finish")).join()).toContain("both.crt");
    const results = await underLoad(async () => {
      for (const tag of ["trust", "issue", "finish"]) expect(await step(tag)).toEqual([]);
    });
    const errors = results.flatMap((one) => one.errors);
    // What the servers say of it is gone when the hosts are made anew.
    expect(errors, errors.length === 0 ? "" : await complaints()).toEqual([]);
    for (const { queries } of results) expect(queries).toBeGreaterThan(5);
    for (const [host, where] of [
      ["db1", "/etc/postgresql/tls"],
      ["pool2", "/etc/pgbouncer/tls"],
    ] as const) {
      expect(
        await onHost(
          host,
          `grep -c BEGIN ${where}/ca.crt; openssl verify -CAfile ${where}/ca.crt ${where}/server.crt`,
        ),
      ).toBe(`1\n${where}/server.crt: OK\n`);
    }
    // From now on the new authority is the only one.
    await rename(path.join(folder(), "pki"), path.join(folder(), "pki-old"));
    await rename(path.join(folder(), "pki-2"), path.join(folder(), "pki"));
    expect(told((await provisionFrom(folder())).not("ok"))).toEqual([]);
  });

  test("certificates that end too soon fail the check, with the days that are left", async () => {
    const check = (days: number) =>
      provisionFrom(folder(), {
        playbook: "playbooks/check-certificates.yml",
        extra: [`{fail_days: ${days}}`],
      });
    const good = await check(14);
    expect(told(good.not("ok"))).toEqual([]);
    expect(good.tasks.map(({ data }) => data?.["days_left"])).toEqual([364, 364, 364]);
    const failed = (await check(400)).tasks.filter(({ status }) => status === "failed");
    expect(failed.map(({ host }) => host).sort()).toEqual(["db1", "pool1", "pool2"]);
    expect(failed[0]?.message).toContain("is valid for 364 days more");
  });

  test("client certificates on both sides: without one nobody gets in, and PostgreSQL sees the pooler's", async () => {
    const [key, cert] = await clientCertificate(folder(), "app");
    const extra = [
      JSON.stringify({
        pgbouncer_client_tls_sslmode: "verify-full",
        pgbouncer_server_tls_certificate: true,
        postgresql_clientcert: "verify-ca",
        pgbouncer_health_cert_file: cert,
        pgbouncer_health_key_file: key,
      }),
    ];
    // The poolers show their certificates before PostgreSQL insists on them.
    for (const limit of ["poolers", "postgresql", "poolers"]) {
      const { tasks } = await provisionFrom(folder(), { limit, extra });
      expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    }
    expect(told((await provisionFrom(folder(), { limit: "poolers", extra })).not("ok"))).toEqual([]);
    // The health endpoint shows one of its own.
    for (const host of ["pool1", "pool2"]) {
      await expect.poll(() => health(host)).toMatchObject({ status: 200, reason: "ok" });
      const subject = await onHost(host, "openssl x509 -noout -subject -in /etc/pgbouncer/tls/health.crt");
      expect(subject).toMatch(/CN ?= ?app$/m);
    }
    expect(
      await onHost(
        "db1",
        `cd /; runuser -u postgres -- psql -Atc "select distinct client_dn from pg_stat_ssl where client_dn <> '' order by 1"`,
      ),
    ).toBe("/CN=pool1\n/CN=pool2\n");
    const file = path.join(folder(), "without-certificate.yml");
    await writeFile(
      file,
      `- hosts: pool1:pool2
  tasks:
    - pg_query:
        host: "{{ ansible_host }}"
        database: app
        user: app
        password: "{{ app_password }}"
        ca_file: "{{ tls_ca_directory }}/ca.crt"
        server_name: "{{ inventory_hostname }}"
        timeout: 2
`,
    );
    const { tasks } = await provisionFrom(folder(), { playbook: file });
    expect(tasks.map(({ status }) => status)).toEqual(["failed", "failed"]);
    // And back: PostgreSQL first.
    for (const limit of ["postgresql", "poolers"]) await provisionFrom(folder(), { limit });
    expect(told((await provisionFrom(folder())).not("ok"))).toEqual([]);
    expect(await onHost("pool1", "ls /etc/pgbouncer/tls")).toBe("ca.crt\nserver.crt\nserver.key\n");
    await rm(key);
  });

  test("given certificates serve both sides, clients that must show one are served, and health is told through the socket", async () => {
    const certificates = await givenCertificates(folder(), ["db1", "pool1", "pool2"]);
    const { directory } = certificates;
    const given = givenEverywhere(certificates);
    const options = { extra: [JSON.stringify(given)], limit: "db1:poolers" };
    const failedIn = ({ tasks }: Provisioned): string[] =>
      told(tasks.filter(({ status }) => status === "failed"));
    // Who would not be verified, or whose key it is not, is refused before anything is touched anywhere: nobody trusts the new authority either.
    const files = givenFiles(directory);
    const key = (name: string) => ({ tls_key_file: path.join(directory, `${name}.key`) });
    for (const [wrong, says] of [
      [{ tls_given_names: ["elsewhere.example.org"] }, /db1\.crt is not for elsewhere\.example\.org/],
      [{ pgbouncer_tls_names: ["elsewhere.example.org"] }, /pool1\.crt is not for elsewhere\.example\.org/],
      [key("db1"), /db1\.key is not the key of .*pool1\.crt/],
      [{ tls_ca_file: "" }, /set tls_key_file .* and tls_ca_file/],
    ] as const) {
      const refused = await provisionFrom(folder(), {
        ...options,
        extra: [JSON.stringify({ ...files, ...wrong })],
      });
      expect(failedIn(refused).join()).toMatch(says);
      expect(told(refused.tasks.filter(({ status }) => status === "changed"))).toEqual([]);
    }
    // In one run: what PostgreSQL is going to show is trusted before it shows it.
    const both = async (): Promise<string> =>
      (await authorityOf(folder())) + (await readFile(path.join(directory, "ca.crt"), "utf8"));
    const results = await underLoad(async () => {
      const done = await provisionFrom(folder(), { ...options, extra: [JSON.stringify(files)] });
      expect(failedIn(done)).toEqual([]);
      const changed = told(done.not("ok"));
      const first = (what: RegExp): number => changed.findIndex((one) => what.test(one));
      for (const host of ["pool1", "pool2"])
        expect(first(new RegExp(`^${host} .*What follows is trusted`))).toBeLessThan(
          first(/^db1 .*The given key and certificate/),
        );
    }, both);
    expect(results.flatMap(({ errors }) => errors)).toEqual([]);
    expect(failedIn(await provisionFrom(folder(), options))).toEqual([]);
    expect(told((await provisionFrom(folder(), options)).not("ok"))).toEqual([]);
    // The playbook for two internal authorities has nothing to say here.
    const folders = { old_ca_directory: path.join(folder(), "pki"), new_ca_directory: directory };
    const change = await provisionFrom(folder(), {
      playbook: "playbooks/change-authority.yml",
      extra: [JSON.stringify({ ...files, ...folders })],
    });
    expect(failedIn(change).join()).toMatch(/certificates are given.*run playbooks\/pgbouncer\.yml/s);
    expect(told(change.tasks.filter(({ status }) => status === "changed"))).toEqual([]);
    const ca = path.join(directory, "ca.crt");
    for (const host of ["pool1", "pool2"]) {
      // Since 1.24 connections to PostgreSQL that are there stay when a certificate is replaced.
      await consoleCommand(host, "RECONNECT");
      await expect.poll(() => health(host)).toMatchObject({ status: 200, reason: "ok" });
      const { stdout } = await openssl("openssl", [
        "verify",
        "-CAfile",
        ca,
        path.join(directory, `${host}.crt`),
      ]);
      expect(stdout).toContain("OK");
      expect(
        await onHost(
          host,
          `openssl s_client -starttls postgres -connect ${labHost(host).address}:6432 </dev/null 2>/dev/null | openssl x509 -noout -issuer`,
        ),
      ).toContain("Somebody else");
    }
    expect(
      await onHost(
        "db1",
        `cd /; runuser -u postgres -- psql -Atc "select distinct issuer_dn, client_dn from pg_stat_ssl where client_dn <> '' order by 2"`,
      ),
    ).toBe("/CN=Somebody else|/CN=pool1\n/CN=Somebody else|/CN=pool2\n");
    expect(failedIn(await provisionFrom(folder()))).toEqual([]);
    expect(told((await provisionFrom(folder())).not("ok"))).toEqual([]);
  });
}

/** A key and a certificate of the test's authority, as a client's operator would make them. @returns paths. */
async function clientCertificate(folder: string, user: string): Promise<[string, string]> {
  const at = (name: string): string => path.join(folder, name);
  await openssl("openssl", [
    ...["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-keyout", at("client.key"), "-out", at("client.csr"), "-subj", `/CN=${user}`],
  ]);
  await writeFile(at("client.ext"), "extendedKeyUsage=clientAuth\n");
  await openssl("openssl", [
    ...["x509", "-req", "-in", at("client.csr"), "-days", "1", "-extfile", at("client.ext")],
    ...["-CA", at("pki/ca.crt"), "-CAkey", at("pki/ca.key"), "-set_serial", "7", "-out", at("client.crt")],
  ]);
  return [at("client.key"), at("client.crt")];
}
