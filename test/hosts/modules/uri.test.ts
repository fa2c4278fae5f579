import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TaskFinished } from "../../../src/converge/event.ts";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost, sendToHost } from "../lab-hosts.ts";

const HOST = "trixie1";

const SITE = `
server {
  listen 127.0.0.1:8081;
  listen unix:/run/web.sock;
  default_type application/json;
  location = /state { return 200 '{"up": true, "connections": 7}'; }
  location = /created { if ($request_method = POST) { return 201 '{"by": "$http_x_by"}'; } return 405; }
  location = /broken { return 503 'no server left'; }
  location = /moved { return 302 /state; }
  location = /round { return 302 /round; }
  location = /private { auth_basic x; auth_basic_user_file /etc/nginx/users; try_files /none =204; }
}
server {
  listen 127.0.0.1:8443 ssl;
  ssl_certificate /etc/nginx/web.crt;
  ssl_certificate_key /etc/nginx/web.key;
  location / { return 200 'over TLS'; }
}
`;

let folder: string;

async function only(task: string, options: { check?: boolean } = {}): Promise<TaskFinished> {
  const { tasks } = await runTasks(task, { hosts: [HOST], ...options }, folder);
  const [first] = tasks;
  if (first === undefined) throw new Error("the task did not run");
  return first;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-uri-"));
  await onHost(HOST, havePackages("nginx-light"));
  await onHost(
    HOST,
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout /etc/nginx/web.key -out /etc/nginx/web.crt -subj /CN=web -addext subjectAltName=IP:127.0.0.1 2>/dev/null; printf 'ann:{PLAIN}s3cret word\\n' > /etc/nginx/users; rm -f /etc/nginx/sites-enabled/default",
  );
  await sendToHost(HOST, "cat > /etc/nginx/conf.d/site.conf && nginx -t -q && systemctl restart nginx", SITE);
  await writeFile(path.join(folder, "ca.crt"), await onHost(HOST, "cat /etc/nginx/web.crt"));
});

describe("uri", () => {
  test("keeps a body on the host, once, in a directory under its name; never in check mode, nor of an answer that failed", async () => {
    const task = "- uri: {url: http://127.0.0.1:8081/state, dest: /srv/}";
    expect(await only(task, { check: true })).toMatchObject({ status: "unknown" });
    await expect(onHost(HOST, "ls /srv/state")).rejects.toThrow();
    expect(await only(task)).toMatchObject({ status: "changed", data: { path: "/srv/state", status: 200 } });
    expect(await onHost(HOST, "cat /srv/state")).toBe('{"up": true, "connections": 7}');
    expect(await only(task)).toMatchObject({ status: "ok" });
    expect(await only("- uri: {url: http://127.0.0.1:8081/broken, dest: /srv/state}")).toMatchObject({
      status: "failed",
    });
    expect(await onHost(HOST, "cat /srv/state; rm /srv/state")).toContain("connections");
    const nameless = await only("- uri: {url: http://127.0.0.1:8081/, dest: /srv/, status_code: [200, 404]}");
    expect(nameless.message).toContain("the address has no name for a file");
  });

  test("gives status, headers and JSON to the tasks after it", async () => {
    const { finished, tasks } = await runTasks(
      `- uri: {url: http://127.0.0.1:8081/state}
  register: state
- assert:
    that:
      - state.status == 200
      - state.json.connections == 7
      - state.content_type == "application/json"
      - not state.redirected
- uri: {url: http://127.0.0.1:8081/moved}
  register: moved
- assert: {that: ["moved.redirected", "moved.url.endsWith('/state')"]}
- uri: {url: "http://web/state", unix_socket: /run/web.sock, return_content: true}
  register: socket
- assert: {that: ["socket.content.contains('connections')"]}
- uri:
    url: http://127.0.0.1:8081/created
    method: post
    body_format: json
    body: {a: 1}
    headers: {X-By: "it's \\"me\\""}
    status_code: "200, 201"
  register: created
- assert: {that: ["created.status == 201"]}`,
      { hosts: [HOST] },
    );
    expect(tasks.filter(({ status }) => status === "failed")).toEqual([]);
    expect(finished.outcome).toBe("ok");
  });

  test("another status, a closed port and a round of redirects fail, and say why", async () => {
    expect(await only("- uri: {url: http://127.0.0.1:8081/broken}")).toMatchObject({
      status: "failed",
      message: expect.stringContaining("503"),
    });
    expect((await only("- uri: {url: http://127.0.0.1:9/}")).message).toMatch(/does not answer/);
    expect((await only("- uri: {url: http://127.0.0.1:8081/round}")).message).toContain("leads on and on");
  });

  test("certificates are verified, against the authority that is given", async () => {
    const refused = await only("- uri: {url: https://127.0.0.1:8443/}");
    expect(refused).toMatchObject({ status: "failed", message: expect.stringMatching(/self.signed/) });
    expect((await only("- uri: {url: https://127.0.0.1:8443/, ca_path: ca.crt}")).status).toBe("ok");
    expect((await only("- uri: {url: https://127.0.0.1:8443/, validate_certs: false}")).status).toBe("ok");
    const otherName = await only("- uri: {url: https://localhost:8443/, ca_path: ca.crt}");
    expect(otherName.message).toMatch(/altname|localhost/i);
  });

  test("a password opens the door, and is shown nowhere", async () => {
    const url = "http://127.0.0.1:8081/private";
    expect((await only(`- uri: {url: ${url}}`)).message).toContain("401");
    const { events, tasks } = await runTasks(
      `- uri: {url: ${url}, url_username: ann, url_password: s3cret word, status_code: 204}`,
      { hosts: [HOST] },
    );
    expect(tasks[0]?.status).toBe("ok");
    expect(JSON.stringify(events)).not.toContain("s3cret");
  });

  test("check mode asks what changes nothing, and leaves the rest", async () => {
    expect((await only("- uri: {url: http://127.0.0.1:8081/state}", { check: true })).status).toBe("ok");
    const posted = await only("- uri: {url: http://127.0.0.1:8081/created, method: POST}", { check: true });
    expect(posted.status).toBe("unknown");
  });
});
