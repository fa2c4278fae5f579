import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { makeAuthority, signRequest } from "../../../src/modules/certificate-authority.ts";
import { encrypt } from "../../../src/variables/vault/ansible-vault.ts";
import { Keyring } from "../../../src/variables/vault/keyring.ts";
import { type ConvergeOptions, runTasks } from "../converge.ts";
import { onHost } from "../lab-hosts.ts";
import { keepsItsPromise } from "./promise.ts";

const HOSTS = ["bookworm1", "trixie1"];
const PASSWORD = "vault of the key";
const MATCH =
  "openssl x509 -in /srv/given.crt -noout -pubkey | cmp - /srv/given.pub && openssl pkey -in /srv/given.key -pubout | cmp - /srv/given.pub";

let folder = "";
const at = (name: string): string => path.join(folder, "files", name);
const openssl = (...args: string[]): string =>
  execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });

/** A pair as somebody else's authority issues it. */
async function issue(name: string, authority: string): Promise<void> {
  openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at(`${name}.key`));
  const request = openssl("req", "-new", "-key", at(`${name}.key`), "-subj", "/CN=x");
  const wanted = { commonName: name, names: [`DNS:${name}.test`], usage: ["server"], days: 40 } as const;
  await writeFile(at(`${name}.crt`), await signRequest(at(authority), request, wanted));
}

/** The vaulted key can be opened. */
const unlocked = (): ConvergeOptions => ({
  hosts: HOSTS,
  override: { keyring: new Keyring(undefined, { passwords: [{ id: "default", password: PASSWORD }] }) },
});

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  await mkdir(path.join(folder, "files"));
  for (const name of ["ca", "other-ca"])
    await makeAuthority({ directory: at(name), commonName: name, days: 100 });
  await issue("web", "ca");
  await issue("stranger", "other-ca");
  await writeFile(at("vaulted.key"), encrypt(await readFile(at("web.key")), PASSWORD));
});

const given = (more = ""): string =>
  `- tls_certificate: {key_src: vaulted.key, cert_src: web.crt, ca_src: ca/ca.crt, key_path: /srv/given.key, cert_path: /srv/given.crt, subject_alt_names: [web.test], group: games${more}}`;

describe("a key and a certificate that are given as files", () => {
  test("keep their promise: the key out of its vault, both matching, removed by absent", async () => {
    const publicKey = openssl("pkey", "-in", at("web.key"), "-pubout");
    await keepsItsPromise(
      {
        module: "tls_certificate",
        before: `printf '%s' '${publicKey}' > /srv/given.pub`,
        tasks: given(),
        holds: `${MATCH} && [ "$(stat -c '%U %G %a' /srv/given.key /srv/given.crt | tr '\\n' ' ')" = 'root games 640 root games 644 ' ] && ! ls /srv/*.new`,
        drift:
          "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /srv/given.key; chmod 644 /srv/given.key",
        undo: {
          tasks: "- tls_certificate: {key_path: /srv/given.key, cert_path: /srv/given.crt, state: absent}",
          gone: "[ ! -e /srv/given.key ] && [ ! -e /srv/given.crt ]",
        },
        after: "rm /srv/given.pub",
      },
      folder,
      unlocked(),
    );
  });

  test("replace nothing when they do not match, come from elsewhere, are for others or end too soon; the key is never told", async () => {
    const { events } = await runTasks(given(), { ...unlocked(), diff: true }, folder);
    const before = await Promise.all(HOSTS.map((host) => onHost(host, "sha256sum /srv/given.*")));
    const task = (fields: string): string =>
      `- tls_certificate: {key_path: /srv/given.key, cert_path: /srv/given.crt, group: games, ${fields}}\n  ignore_errors: true`;
    const tasks = [
      task("key_src: stranger.key, cert_src: web.crt"),
      task("key_src: stranger.key, cert_src: stranger.crt, ca_src: ca/ca.crt"),
      task("key_src: web.key, cert_src: web.crt, subject_alt_names: [elsewhere.test]"),
      task("key_src: web.key, cert_src: web.crt, min_days_left: 60"),
      task("key_src: web.crt, cert_src: web.crt"),
    ].join("\n");
    const { tasks: done } = await runTasks(tasks, { hosts: HOSTS }, folder);
    expect(done.map(({ status }) => status)).toEqual(Array(10).fill("ignored"));
    const messages = done.filter(({ host }) => host === "trixie1").map(({ message }) => message);
    expect(messages[0]).toContain("stranger.key is not the key of web.crt");
    expect(messages[1]).toContain("was not issued by an authority in ca/ca.crt, but by CN=other-ca");
    expect(messages[2]).toContain("web.crt is not for elsewhere.test");
    expect(messages[3]).toMatch(/web\.crt is valid for (39|40) days only/);
    expect(messages[4]).toContain("web.crt is no private key");
    expect(await Promise.all(HOSTS.map((host) => onHost(host, "sha256sum /srv/given.*")))).toEqual(before);
    const [, secretLine = ""] = (await readFile(at("web.key"), "utf8")).split("\n");
    expect(JSON.stringify([events, done])).not.toContain(secretLine);
    await Promise.all(HOSTS.map((host) => onHost(host, "rm /srv/given.*")));
  });
});

test("a certificate is renewed before it expires, for the key that is there and stays there, and once only", async () => {
  const task = (days: number): string =>
    `- tls_certificate: {ca_directory: pki, key_path: /srv/own.key, cert_path: /srv/own.crt, common_name: own.test, days: ${days}, renew_before_days: 10}`;
  const look =
    "openssl x509 -in /srv/own.crt -noout -pubkey > /srv/own.pub; openssl pkey -in /srv/own.key -pubout | cmp - /srv/own.pub && openssl x509 -in /srv/own.crt -noout -serial && sha256sum /srv/own.key";
  const looked = (): Promise<string[]> => Promise.all(HOSTS.map((host) => onHost(host, look)));
  const told: unknown[] = [];
  const statuses = async (text: string): Promise<string[]> => {
    const { events, statuses: all } = await runTasks(text, { hosts: HOSTS, diff: true }, folder);
    told.push(events);
    return all;
  };
  const both = (status: string): string[] => Array(2).fill(`${status} tls_certificate`);
  expect(await statuses(task(20))).toEqual(both("changed"));
  const [first, second] = (await looked()).map((text) => text.split("\n"));
  const soon = task(90).replace("renew_before_days: 10", "renew_before_days: 30");
  expect(await statuses(soon)).toEqual(both("changed"));
  expect(await statuses(soon)).toEqual(both("ok"));
  for (const [index, before] of [first, second].entries()) {
    const after = (await looked())[index]?.split("\n");
    expect(after?.[0]).toMatch(/^serial=/);
    expect(after?.[0]).not.toBe(before?.[0]);
    expect(after?.[1]).toBe(before?.[1]);
  }
  // The keys were made on the hosts, and nothing of them came here: neither into what was told nor into a file.
  const files = await readdir(path.join(folder, "pki"), { recursive: true, withFileTypes: true });
  const kept = files
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name));
  const here = [JSON.stringify(told), ...(await Promise.all(kept.map((file) => readFile(file, "utf8"))))];
  expect(kept).toContain(path.join(folder, "pki", "ca.key"));
  for (const host of HOSTS) {
    const [, secretLine = ""] = (await onHost(host, "cat /srv/own.key")).split("\n");
    expect(secretLine).toMatch(/^\S{60,}$/);
    expect(here.filter((text) => text.includes(secretLine))).toEqual([]);
  }
  await Promise.all(HOSTS.map((host) => onHost(host, "rm /srv/own.*")));
});

test("the authority's certificate on hosts keeps its promise, and absent leaves the authority alone", async () => {
  const task = "- tls_ca: {directory: trusted, dest: /srv/trusted.crt, common_name: Trusted}";
  await keepsItsPromise(
    {
      module: "tls_ca",
      tasks: task,
      holds: "openssl x509 -in /srv/trusted.crt -noout -subject | grep -q 'CN *= *Trusted'",
      drift: "echo > /srv/trusted.crt",
      undo: { tasks: task.replace("}", ", state: absent}"), gone: "[ ! -e /srv/trusted.crt ]" },
    },
    folder,
  );
  expect(await readFile(path.join(folder, "trusted", "ca.key"), "utf8")).toContain("PRIVATE KEY");
});

test("authorities and certificates may bear any name: with commas, quotes, signs that openssl takes for its own, and letters of any language", async () => {
  const authority = 'Größte, "beste" CA/O=x+y';
  const names = [`Example, Inc. "db" \\ O=x/y`, "münchen, it's $HOME `id` €"];
  const task = (name: string, index: number): string =>
    `- tls_certificate: {ca_directory: named, key_path: "/srv/it's $n/${index} é.key", cert_path: "/srv/it's $n/${index} é.crt", common_name: ${JSON.stringify(name)}, subject_alt_names: ["*.wild.test", "::1"]}`;
  const tasks = [
    '- file: {path: "/srv/it\'s $n", state: directory}',
    `- tls_ca: {directory: named, dest: "/srv/it's $n/ca.crt", common_name: ${JSON.stringify(authority)}}`,
    ...names.map(task),
    `- x509_certificate_info: {path: "/srv/it's $n/0 é.crt"}\n  register: info`,
    "- debug: {msg: '{{ info.subject.commonName }}|{{ info.issuer.commonName }}'}",
  ].join("\n");
  await runTasks(tasks, { hosts: HOSTS }, folder);
  const { statuses, tasks: done } = await runTasks(tasks, { hosts: HOSTS }, folder);
  expect(statuses.filter((status) => !status.startsWith("ok"))).toEqual([]);
  expect(done.at(-1)?.message).toBe(`${names[0]}|${authority}`);
  const print = "openssl x509 -noout -subject -nameopt utf8 -in";
  expect(
    await onHost(HOSTS[0] ?? "", `cd /srv/it*n && ${print} '1 é.crt' && openssl verify -CAfile ca.crt *.crt`),
  ).toBe(`subject=CN=${names[1]}\n0 é.crt: OK\n1 é.crt: OK\nca.crt: OK\n`);
  await Promise.all(HOSTS.map((host) => onHost(host, "rm -r /srv/it*n")));
});
