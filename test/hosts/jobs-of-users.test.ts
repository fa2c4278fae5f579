import { expect, test } from "vitest";
import { runPlaybook } from "./converge.ts";
import { onHost } from "./lab-hosts.ts";

const HOSTS = ["bookworm1", "trixie1"];

test("jobs of a user who logs in without becoming root, and of one who is become, are theirs alone and leave nothing", async () => {
  const run = await runPlaybook(
    `- hosts: all
  gather_facts: false
  tasks:
    - {name: own, command: id -un, async: 60, poll: 1, register: own, changed_when: false}
    - {assert: {that: own.stdout == "admin"}}
    - {name: worker, become: true, user: {name: plumb-worker, create_home: true}}
    - name: left
      become: true
      become_user: plumb-worker
      shell: umask 077; echo begun > ~/begun; sleep 2; id -un
      async: 60
      poll: 0
      register: left
    - name: whose
      become: true
      command: sh -c 'find ~plumb-worker/.local/state/plumb -not -user plumb-worker -o -perm /077 -type d | wc -l'
      register: others
      changed_when: false
    - {assert: {that: others.stdout == "0"}}
    - name: later
      become: true
      become_user: plumb-worker
      async_status: {jid: "{{ left.ansible_job_id }}"}
      register: later
      until: later.finished
      retries: 20
      delay: 1
    - {assert: {that: later.stdout == "plumb-worker"}}
    - name: of somebody else
      async_status: {jid: "{{ left.ansible_job_id }}"}
      ignore_errors: true`,
    { hosts: HOSTS, user: "admin" },
  );
  const ends = run.tasks.map(
    ({ host, task, status, message }) => `${host} ${task.name} ${status} ${message}`,
  );
  expect(run.finished.outcome, ends.join("\n")).toBe("ok");
  for (const host of HOSTS) {
    const foreign = run.tasks.find((one) => one.host === host && one.task.name === "of somebody else");
    expect(foreign?.status).toBe("ignored");
    await onHost(host, "userdel -r plumb-worker 2>/dev/null; ! id plumb-worker 2>/dev/null");
  }
});
