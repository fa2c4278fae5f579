import { describe, expect, test } from "vitest";
import { writeFileScript } from "../../../src/converge/write-file.ts";
import { sshdConfig } from "../../../src/modules/sshd-config.ts";
import { SITUATION } from "../../modules/answers.ts";
import { runTasks } from "../converge.ts";
import { onHost, onNewConnection, restartSshd, sendToHost } from "../lab-hosts.ts";
import { keepsItsPromise } from "./promise.ts";

const FILE = "/etc/ssh/sshd_config.d/00-plumb.conf";
const HOSTS = ["bookworm1", "trixie1"] as const;
const GUARD = "/var/lib/plumb/sshd-guard";
const SETTINGS =
  "- sshd_config: {settings: {X11Forwarding: false, MaxAuthTries: 4, AcceptEnv: [LANG, 'LC_*'], MACs: [hmac-sha2-512-etm@openssh.com, hmac-sha2-256-etm@openssh.com]}, match: [{criteria: User nobody, settings: {AllowTcpForwarding: false}}]}";

/** While sshd starts itself anew nobody listens. */
const listening = (host: string): Promise<void> => expect.poll(() => onNewConnection(host, "true")).toBe("");

describe("sshd_config", () => {
  test("keeps its promise, and leaves no timer", async () => {
    await keepsItsPromise({
      module: "sshd_config",
      tasks: SETTINGS,
      holds: `sshd -T | grep -qx 'x11forwarding no' && sshd -T | grep -qx 'macs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com' && sshd -T -C user=nobody,host=x,addr=10.0.0.1 | grep -qx 'allowtcpforwarding no' && [ ! -e ${GUARD} ] && ! systemctl is-active plumb-sshd-guard.timer`,
      drift: `sed -i 's/X11Forwarding no/X11Forwarding yes/' ${FILE}`,
      undo: {
        tasks: "- sshd_config: {state: absent}",
        gone: `[ ! -e ${FILE} ] && sshd -T | grep -qx 'x11forwarding yes' && ! systemctl is-active plumb-sshd-guard.timer`,
      },
    });
  });

  test("a setting that another file overrules is told, not claimed", async () => {
    const { tasks } = await runTasks(
      "- sshd_config: {name: zz-late, settings: {MaxStartups: '10:30:100', LoginGraceTime: 33}}\n- sshd_config: {name: zzz, settings: {LoginGraceTime: 44}}\n  ignore_errors: true\n- sshd_config: {name: zzz, state: absent}\n- sshd_config: {name: zz-late, state: absent}",
    );
    expect(tasks.map(({ status }) => status)).toEqual(["changed", "ignored", "changed", "changed"]);
    expect(tasks[1]?.message).toContain("LoginGraceTime 33 all the same");
  });

  test("a keyword that sshd does not know replaces nothing, and says which line", async () => {
    const { tasks } = await runTasks(
      "- sshd_config: {settings: {X11Forwarding: false, PermitRotLogin: false}}",
    );
    expect(tasks[0]).toMatchObject({ status: "failed" });
    expect(tasks[0]?.message).toContain("00-plumb.conf: line 3: Bad configuration option: PermitRotLogin");
    await onHost("bookworm1", `[ ! -e ${FILE} ] && ! systemctl is-active plumb-sshd-guard.timer`);
  });

  test("settings that lock the run out come back at once", async () => {
    await Promise.all(
      HOSTS.map(async (host) => {
        await onHost(host, `printf 'X11Forwarding no\\n' > ${FILE}`);
        const { tasks } = await runTasks("- sshd_config: {settings: {DenyUsers: [admin]}}", {
          hosts: [host],
        });
        expect(tasks[0]).toMatchObject({ status: "failed" });
        expect(tasks[0]?.message).toContain("could not log in any more, and the old settings are back");
        await listening(host);
        await onNewConnection(host, "true", "admin");
        await onHost(
          host,
          `[ "$(cat ${FILE})" = 'X11Forwarding no' ] && [ ! -e ${GUARD} ] && ! systemctl is-active plumb-sshd-guard.timer && rm ${FILE} && ${restartSshd}`,
        );
      }),
    );
  });

  test("when the controller dies behind the reload, the host puts the old settings back by itself", async () => {
    await Promise.all(
      HOSTS.map(async (host) => {
        await changeWithoutConfirming(host);
        await listening(host);
        await expect(onNewConnection(host, "true", "admin")).rejects.toThrow();
        const pending = await runTasks(SETTINGS, { hosts: [host], check: true, user: "root" });
        expect(pending.tasks[0]?.differences.map(({ name }) => name)).toContain("guard");
        const login = (): Promise<string> =>
          onNewConnection(host, "true", "admin").then(
            () => "in",
            () => "refused",
          );
        await expect.poll(login, { interval: 500 }).toBe("in");
        const left = `ls ${FILE} ${GUARD} 2>/dev/null; journalctl --sync; journalctl -q -t plumb -n 5 -o cat`;
        await expect.poll(() => onHost(host, left)).toMatch(/^(?!\/)[\s\S]*not confirmed/);
      }),
    );
  });
});

/** All that the controller would do on the host, without the new connection that confirms it. */
async function changeWithoutConfirming(host: string): Promise<void> {
  const want = sshdConfig.params.parse({ settings: { DenyUsers: ["admin"] }, guard_seconds: 7 });
  const change = { action: "create" as const, summary: "set", differences: [], detail: undefined };
  for (const step of sshdConfig.steps(change, want, SITUATION)) {
    if (step.kind === "script") await onHost(host, step.script.shell);
    else if (step.kind === "write-file" && step.content.kind === "bytes") {
      const { bytes } = step.content;
      await sendToHost(
        host,
        writeFileScript(step, bytes.byteLength, "input", false).shell,
        Buffer.from(bytes),
      );
    }
  }
}
