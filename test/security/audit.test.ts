import { execFile } from "node:child_process";
import { cpSync, mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";

/** What npm asks a registry for: what is known against versions of packages. */
const ADVISORIES = "/-/npm/v1/security/advisories/bulk";

interface Audit {
  code: number;
  said: string;
  /** Packages that the registry was asked about. */
  asked: string[];
}

/** Runs the audit of `npm test` against a registry that knows this. */
async function auditWith(known: (asked: string[]) => Record<string, unknown> | undefined): Promise<Audit> {
  let asked: string[] = [];
  const registry = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.url !== ADVISORIES) return response.writeHead(404).end();
      const body = Buffer.concat(chunks);
      const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      asked = Object.keys(JSON.parse(text.toString()) as object);
      const answer = known(asked);
      if (answer === undefined) return response.writeHead(404).end();
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-audit-"));
  for (const file of ["package.json", "package-lock.json"]) cpSync(file, path.join(folder, file));
  const { port } = registry.address() as AddressInfo;
  const env = {
    ...process.env,
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_cache: path.join(folder, "cache"),
  };
  const { code, said } = await new Promise<{ code: number; said: string }>((resolve) => {
    execFile(
      process.execPath,
      [path.resolve("scripts/audit.ts")],
      { cwd: folder, env },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), said: stdout + stderr }),
    );
  });
  registry.close();
  return { code, said, asked };
}

const weakness = (severity: string): Record<string, unknown> => ({
  yaml: [
    { id: 1, url: "https://example.org/1", title: "Something is wrong", severity, vulnerable_versions: "*" },
  ],
});

test("a package with a grave weakness that is known fails the tests, and is named", async () => {
  const { code, said, asked } = await auditWith(() => weakness("high"));
  expect(asked).toEqual(expect.arrayContaining(["ssh2", "yaml", "zod", "pg"]));
  expect(code).toBe(1);
  expect(said).toMatch(/^high: yaml .*Something is wrong/m);
});

test("a slighter one is told of", async () => {
  const { code, said } = await auditWith(() => weakness("moderate"));
  expect(code).toBe(0);
  expect(said).toMatch(/^moderate: yaml/m);
});

test("a registry that does not know is said to be one, and nothing is taken for well", async () => {
  const { code, said } = await auditWith(() => undefined);
  expect(code).toBe(0);
  expect(said).toContain("could not be asked");
});
