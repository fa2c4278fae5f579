import { beforeAll, expect, test } from "vitest";
import { labHost, onHost } from "../lab-hosts.ts";
import { givenCertificates, givenFiles } from "../main-job/given-certificates.ts";
import { applicationsAt, type Experience, mostErrors, whileAsking } from "./applications.ts";
import { installedAndRunning, offerNewer, withdrawNewer } from "./newer-package.ts";
import { folder, NAMES, PORTS, prepareProduction, provision, virtualAddress } from "./setting.ts";

const POOLERS = ["pool1", "pool2"] as const;
/** Longer than clients that renew their connections keep one. */
const DRAIN = { restart_drain_seconds: 3 };
const LIFE_MS = 800;

/** Poolers behind HAProxy, one process each, one host after the other; with given certificates, which name the virtual address. */
export function rolling(): void {
  /** Who renews connections notices nothing; who stays is cut once by each pooler, between two transactions. */
  const judge = ([renewing, staying]: readonly Experience[]): void => {
    expect(renewing?.errors).toEqual(new Map());
    expect(renewing?.queries).toBeGreaterThan(200);
    if (staying !== undefined) expect(mostErrors(staying)).toBeLessThanOrEqual(POOLERS.length);
    expect([...(staying?.errors.values() ?? [])].flat().join()).not.toMatch(/ECONNREFUSED/);
  };
  const behind = { host: "", address: virtualAddress() };

  beforeAll(async () => {
    const shared = [`IP:${virtualAddress()}`, ...Object.values(NAMES).map((name) => `DNS:${name}`)];
    const { directory } = await givenCertificates(folder(), ["db1", ...POOLERS], shared);
    await prepareProduction({}, {}, givenFiles(directory));
    expect((await provision("pgbouncer.yml")).failed).toEqual([]);
    expect((await provision("ha.yml")).failed).toEqual([]);
    expect((await provision("pgbouncer.yml")).changed).toEqual([]);
  });

  test("both poolers show, at the virtual address too, certificates of the authority that gave them", async () => {
    const shown = (address: string, port: number): Promise<string> =>
      onHost(
        "app1",
        `openssl s_client -starttls postgres -connect ${address}:${port} </dev/null 2>/dev/null | openssl x509 -noout -issuer`,
      );
    for (const host of POOLERS)
      expect(await shown(labHost(host).address, PORTS.pgbouncer_listen_port)).toContain("Somebody else");
    expect(await shown(virtualAddress(), PORTS.haproxy_port)).toContain("Somebody else");
  });

  test("a rolling restart behind HAProxy: who connects anew now and then notices nothing, who stays is cut once by each pooler", async () => {
    const asking = [applicationsAt(behind, LIFE_MS), applicationsAt(behind)];
    judge(
      await whileAsking("rolling restart behind HAProxy", asking, async () => {
        expect((await provision("restart-pgbouncer.yml", { extra: DRAIN })).failed).toEqual([]);
      }),
    );
  });

  test("a rolling upgrade behind HAProxy, of a package on hold too: nobody notices, and a second run changes nothing", async () => {
    await offerNewer(POOLERS);
    const upgrade = (check = false) => provision("upgrade-pgbouncer.yml", { check, extra: DRAIN });
    const checked = await upgrade(true);
    expect(checked.changed.join()).toContain("The new version");
    expect(checked.tasks.map(({ message }) => message).join()).toContain("if what runs is replaced before");
    judge(
      await whileAsking("rolling upgrade behind HAProxy", [applicationsAt(behind, LIFE_MS)], async () => {
        expect((await upgrade()).failed).toEqual([]);
      }),
    );
    for (const host of POOLERS)
      expect(await installedAndRunning(host)).toMatch(/\+plumb pgbouncer\n\/usr\/sbin\/pgbouncer\n$/);
    expect((await upgrade()).changed).toEqual([]);
    await withdrawNewer(POOLERS);
  });
}
