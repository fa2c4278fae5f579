import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { labHost, onHost } from "../lab-hosts.ts";
import { type ProvisionOptions, provisionFrom, told } from "./provision.ts";

/** Every character that means something in a URL, a shell, an environment file, or to libpq. */
const PASSWORD = "p@ss/w:rd%?#é'\"\\ $x&=";
const HOSTS = ["app1", "mon1"] as const;
const PREPARE = `
- hosts: db1
  become: true
  tasks:
    - postgresql_user:
        name: shop
        password: "{{ application_database_password }}"
- hosts: clients
  become: true
  tasks:
    - package:
        name: [python3-sqlalchemy, python3-psycopg2, python3-psycopg, postgresql-client, ruby-pg, libdbd-pg-perl]
    # By far the largest of them, and on both releases over the same library.
    - package:
        name: [php-cli, php-pgsql]
      when: inventory_hostname == "app1"
    - user:
        name: shop
        system: true
    - copy:
        src: ${path.resolve("examples/application")}/
        dest: /opt/shop
    - systemd_unit:
        name: shop
        service:
          User: shop
          EnvironmentFile: /etc/shop/database.env
          ExecStart: /usr/bin/python3 /opt/shop/sqlalchemy_app.py serve 8000
        install:
          WantedBy: multi-user.target
`;

/** Role application_database and the examples for other languages: a service on Debian 12 behind PgBouncer 1.18, and one on Debian 13 behind 1.24. */
export function applicationDatabase(original: () => string): void {
  let folder = "";
  const application = (options: ProvisionOptions = {}) =>
    provisionFrom(folder, { playbook: "playbooks/application.yml", ...options });
  const startedAt = () =>
    Promise.all(
      HOSTS.map((host) => onHost(host, "systemctl show -p ActiveEnterTimestampMonotonic --value shop")),
    );

  beforeAll(async () => {
    folder = path.join(await mkdtemp(path.join(tmpdir(), "plumb-application-")), "inventory");
    await cp(original(), folder, { recursive: true });
    const hosts = parse(await readFile(path.join(folder, "hosts.yml"), "utf8"));
    hosts.all.children.clients.hosts.mon1 = { ansible_host: labHost("mon1").address };
    await writeFile(path.join(folder, "hosts.yml"), stringify(hosts));
    await writeFile(
      path.join(folder, "group_vars/clients.yml"),
      `application_database_service: shop
application_database_group: shop
application_database_host: !expr 'hostvars[inventory_hostname == "app1" ? "pool1" : "pool2"].ansible_host'
application_database_name: app
application_database_user: shop
application_database_service_file: true
application_database_health_url: http://127.0.0.1:8000/health
`,
    );
    const everywhere = path.join(folder, "group_vars/all.yml");
    const written = await readFile(everywhere, "utf8");
    const changed = written.replace(
      /^application_database_password: .*\n/m,
      stringify({ application_database_password: PASSWORD }),
    );
    expect(changed).not.toBe(written);
    await writeFile(everywhere, changed);
    await writeFile(path.join(folder, "prepare.yml"), PREPARE);
    const poolers = await provisionFrom(folder, { limit: "poolers" });
    const prepared = await provisionFrom(folder, { playbook: path.join(folder, "prepare.yml") });
    expect(told([...poolers.tasks, ...prepared.tasks].filter(({ status }) => status === "failed"))).toEqual(
      [],
    );
  });

  afterAll(async () => {
    for (const host of HOSTS)
      await onHost(
        host,
        "systemctl disable --now shop; rm -rf /etc/shop /opt/shop /etc/systemd/system/shop.service; systemctl daemon-reload; userdel shop",
      );
    await onHost("db1", "cd /; runuser -u postgres -- psql -qc 'drop role shop'");
    await provisionFrom(original(), { limit: "poolers" });
  });

  test("check mode tells what would be written and nothing of the password, and touches nothing", async () => {
    const { tasks, events } = await application({ check: true });
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(JSON.stringify(events)).not.toContain("p@ss");
    expect(JSON.stringify(events)).not.toContain("p%40ss");
    expect(await onHost("app1", "ls -d /etc/shop 2>/dev/null; true")).toBe("");
  });

  test("applications are told and restarted one host after the other, each well before the next", async () => {
    const { tasks, events } = await application();
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    const done = tasks.map(({ host, task }) => `${host} ${task.name}`);
    expect(done.findLastIndex((one) => one.startsWith("app1"))).toBeLessThan(
      done.findIndex((one) => one.startsWith("mon1")),
    );
    for (const host of HOSTS) {
      expect(done).toContain(`${host} wait until the application is well`);
      expect(await onHost(host, "stat -c '%a %U:%G' /etc/shop /etc/shop/*")).toBe(
        "750 root:shop\n644 root:shop\n640 root:shop\n640 root:shop\n",
      );
      expect(await onHost(host, "runuser -u nobody -- cat /etc/shop/database.env 2>&1 || true")).toMatch(
        /denied/,
      );
    }
    expect(JSON.stringify(events)).not.toContain("p@ss");
    expect(JSON.stringify(events)).not.toContain("p%40ss");
  });

  test("a second run changes nothing and restarts nothing", async () => {
    const before = await startedAt();
    expect(told((await application()).not("ok"))).toEqual([]);
    expect(await startedAt()).toEqual(before);
  });

  test.each(HOSTS)(
    "%s: each example works with what was written, whatever is in the password",
    async (host) => {
      const php: [string, string, boolean][] = host === "app1" ? [["php pdo.php", "4s", true]] : [];
      const programs: [string, string, boolean | undefined][] = [
        ["python3 sqlalchemy_app.py check", "5s", true],
        ["python3 psycopg3.py", "4s", true],
        ["sh psql.sh", "4s", undefined],
        ["ruby pg.rb", "4s", true],
        ["perl dbi.pl", "4s", true],
        ...php,
      ];
      const said = await onHost(
        host,
        programs
          .map(
            ([program]) =>
              `systemd-run -q --pipe --wait -p User=shop -p EnvironmentFile=/etc/shop/database.env -p WorkingDirectory=/opt/shop ${program}`,
          )
          .join("; "),
      );
      const answers = said
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(answers).toHaveLength(programs.length);
      for (const [index, answer] of answers.entries())
        expect(answer).toMatchObject({ timeout: programs[index]?.[1], too_slow: "57014" });
      expect(answers.map(({ parameters }) => parameters)).toEqual(
        programs.map(([, , parameters]) => parameters),
      );
      // SQLAlchemy's backend was ended in the transaction: it was done again.
      expect(answers[0]).toMatchObject({ tries: 2 });
    },
  );

  test("drift is mended: rights and content", async () => {
    await onHost("mon1", "chmod 0644 /etc/shop/database.env; sed -i s/6432/5432/ /etc/shop/database.env");
    const { not } = await application();
    expect(told(not("ok"))).toEqual([
      expect.stringContaining("mon1 changed Where its database is"),
      expect.stringContaining("mon1 changed restart the application"),
    ]);
  });

  test("what the application could not log in with is not written, and nobody is restarted", async () => {
    const before = await startedAt();
    const { tasks, events } = await application({
      extra: ["{application_database_password: of somebody else}"],
    });
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([
      expect.stringMatching(/^app1 failed Can the application log in with this/),
    ]);
    expect(JSON.stringify(events)).not.toContain("of somebody else");
    expect(await startedAt()).toEqual(before);
    expect(told((await application()).not("ok"))).toEqual([]);
  });

  test("an application that does not get well again stops the rest of the fleet from being touched", async () => {
    const [, before] = await startedAt();
    const { tasks } = await application({
      extra: [
        "{application_database_parameters: {application_name: shop}, application_database_health_retries: 1, application_database_health_url: 'http://127.0.0.1:8001/health'}",
      ],
    });
    expect([...new Set(told(tasks.filter(({ status }) => status === "failed")))]).toEqual([
      expect.stringMatching(/^app1 failed wait until the application is well/),
    ]);
    expect(tasks.filter(({ host }) => host === "mon1")).toEqual([]);
    expect((await startedAt())[1]).toBe(before);
  });

  test("what an application had to know is taken away again, and nobody is restarted", async () => {
    const before = await startedAt();
    const absent = { extra: ["{application_database_state: absent}"] };
    expect((await application({ ...absent, check: true })).not("ok").map(({ status }) => status)).toContain(
      "would-change",
    );
    const { tasks } = await application(absent);
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    for (const host of ["app1", "mon1"]) expect(await onHost(host, "ls -A /etc/shop")).toBe("");
    expect(told((await application(absent)).not("ok"))).toEqual([]);
    expect(await startedAt()).toEqual(before);
  });
}
