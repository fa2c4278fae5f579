import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  fingerprint,
  judgeKey,
  knownHostsName,
  knownKeyTypes,
  parseKnownHosts,
} from "../../src/transport/known-hosts.ts";

const folder = mkdtempSync(path.join(tmpdir(), "plumb-known-"));
function newKey(name: string): { line: string; blob: Buffer } {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path.join(folder, name)]);
  const [type = "", key = ""] = readFileSync(path.join(folder, `${name}.pub`), "utf8").split(" ");
  return { line: `${type} ${key}`, blob: Buffer.from(key, "base64") };
}
const mine = newKey("mine");
const other = newKey("other");

describe("known_hosts", () => {
  test("a hashed name is found, as ssh-keygen -H writes it", () => {
    const file = path.join(folder, "hashed");
    writeFileSync(file, `db1.example,10.0.0.1 ${mine.line}\n[db2]:2222 ${mine.line}\n`);
    execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
    const lines = parseKnownHosts(file, readFileSync(file, "utf8"));
    expect(judgeKey(lines, ["10.0.0.1"], mine.blob).verdict).toBe("known");
    expect(judgeKey(lines, [knownHostsName("db2", 2222)], mine.blob).verdict).toBe("known");
    expect(judgeKey(lines, ["db2"], mine.blob).verdict).toBe("unknown");
  });

  test.each([
    ["db1", "known"],
    ["web7.example", "known"],
    ["web9.example", "unknown"],
    ["nobody", "unknown"],
  ])("patterns and exceptions decide over %s as ssh does", (name, verdict) => {
    const text = `db1 ${mine.line}\n!web9.example,*.example ${mine.line}\n`;
    expect(judgeKey(parseKnownHosts("f", text), [name], mine.blob).verdict).toBe(verdict);
    const file = path.join(folder, "patterns");
    writeFileSync(file, text);
    const found = (() => {
      try {
        return execFileSync("ssh-keygen", ["-F", name, "-f", file]).length > 0;
      } catch {
        return false;
      }
    })();
    expect(found).toBe(verdict === "known");
  });

  test("another key for a known host is a change, and names its line", () => {
    const judged = judgeKey(parseKnownHosts("f", `# comment\n\ndb1 ${other.line}\n`), ["db1"], mine.blob);
    expect(judged).toMatchObject({ verdict: "changed", line: { file: "f", line: 3 } });
  });

  test("a revoked key is refused even where another line knows it", () => {
    const lines = parseKnownHosts("f", `db1 ${mine.line}\n@revoked * ${mine.line}\n`);
    expect(judgeKey(lines, ["db1"], mine.blob).verdict).toBe("revoked");
  });

  test("the types known for a host are those to ask for", () => {
    expect(knownKeyTypes(parseKnownHosts("f", `db1 ${mine.line}\n`), ["db1"])).toEqual(["ssh-ed25519"]);
  });

  test("fingerprints are those of ssh-keygen -l", () => {
    const said = execFileSync("ssh-keygen", ["-lf", path.join(folder, "mine.pub")]).toString();
    expect(said).toContain(fingerprint(mine.blob));
  });
});
