import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost } from "../lab-hosts.ts";
import { keepsItsPromise } from "./promise.ts";

const HOSTS = ["bookworm1", "trixie1"];
const SSH = "ssh://root@127.0.0.1";

/** A repository with another in it, on the host itself, that only a key of its own opens. */
beforeAll(async () => {
  const prepare = `set -e
${havePackages("git")}
rm -rf /srv/inner /srv/outer; ssh-keygen -q -t ed25519 -N '' -f '/srv/deploy key' <<< y >/dev/null 2>&1
echo "$(cat '/srv/deploy key.pub' | cut -d' ' -f1,2) git-test" >> /root/.ssh/authorized_keys
export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example.org GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example.org
git init -q -b main /srv/inner && cd /srv/inner && echo inside > in && git add in && git commit -q -m one
git init -q -b main /srv/outer && cd /srv/outer && echo first > file && git add file && git commit -q -m one
git -c protocol.file.allow=always submodule --quiet add ${SSH.replace("ssh://root@127.0.0.1", "file://")}/srv/inner 'sub mod'
git config -f .gitmodules 'submodule.sub mod.url' ${SSH}/srv/inner && git add .gitmodules && echo second > file && git commit -q -a -m two
sed -i '/^127.0.0.1 /d' /root/.ssh/known_hosts 2>/dev/null || true`;
  await Promise.all(HOSTS.map((host) => onHost(host, prepare)));
  return async () => {
    for (const host of HOSTS)
      await onHost(
        host,
        "sed -i '/ git-test$/d' /root/.ssh/authorized_keys; rm -rf /srv/inner /srv/outer /srv/deploy* /root/.ssh/known_hosts*",
      );
  };
}, 300_000);

const task = `- git: {repo: '${SSH}/srv/outer', dest: '/opt/over ssh', version: main, key_file: '/srv/deploy key', accept_newhostkey: true, force: true}`;

test("a copy over SSH with a key of its own, and what it has in it, keeps its promise", async () => {
  await keepsItsPromise(
    {
      module: "git",
      tasks: task,
      holds: "cd '/opt/over ssh' && [ \"$(cat file)\" = second ] && [ \"$(cat 'sub mod/in')\" = inside ]",
      drift: "cd '/opt/over ssh' && git checkout -q HEAD~1 && rm -rf 'sub mod'",
      undo: { tasks: "- file: {path: '/opt/over ssh', state: absent}", gone: "[ ! -e '/opt/over ssh' ]" },
    },
    await mkdtemp(path.join(tmpdir(), "plumb-test-")),
  );
});

test("a commit counts as signed only by a key that the user's GnuPG knows", async () => {
  await Promise.all(
    HOSTS.map((host) =>
      onHost(
        host,
        `set -e; ${havePackages("gnupg")}
gpg --batch --quiet --passphrase '' --quick-gen-key 'x <x@example.org>' ed25519 sign 2>/dev/null
rm -rf /srv/signed; git init -q -b main /srv/signed && cd /srv/signed && git config user.name x && git config user.email x@example.org
git commit -q --allow-empty -m plain && git tag plain && git commit -q --allow-empty -S -m signed`,
      ),
    ),
  );
  const copy = "git: {repo: 'file:///srv/signed', verify_commit: true, dest: /opt/signed, version";
  const { tasks } = await runTasks(
    `- ${copy}: plain}\n  ignore_errors: true\n- ${copy}: main}\n- ${copy}: main}`,
    {
      hosts: HOSTS,
    },
  );
  await Promise.all(
    HOSTS.map((host) => onHost(host, "gpgconf --kill all; rm -rf /srv/signed /opt/signed ~/.gnupg")),
  );
  for (const host of HOSTS) {
    const own = tasks.filter((task) => task.host === host);
    expect(own.map(({ status }) => status)).toEqual(["ignored", "changed", "ok"]);
  }
});

test("a host key that nobody knows, or a login that is refused, is an error and makes no copy", async () => {
  const run = async (text: string): Promise<string | undefined> => {
    const { tasks } = await runTasks(text, { hosts: ["trixie1"] });
    expect(tasks[0]).toMatchObject({ status: "failed" });
    return tasks[0]?.message;
  };
  await onHost("trixie1", "mv /root/.ssh/known_hosts /root/.ssh/known_hosts.away 2>/dev/null || true");
  expect(await run(task.replace("accept_newhostkey: true, ", ""))).toContain("Host key verification failed");
  await onHost("trixie1", "ssh-keygen -q -t ed25519 -N '' -f /srv/deploy-other");
  expect(await run(task.replace("/srv/deploy key", "/srv/deploy-other"))).toMatch(/Permission denied/);
  await expect(onHost("trixie1", "ls '/opt/over ssh'")).rejects.toThrow();
});
