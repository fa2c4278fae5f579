import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { inputError } from "../diagnostics/diagnostic.ts";
import { labInventory } from "../lab/inventory.ts";
import { labDown, labNames, labReset, labStatus, labUp } from "../lab/lab.ts";
import { type LabHostSpec, labPath } from "../lab/plan.ts";
import { tableLines } from "../views/table.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

const USUAL_HOSTS = ["db1", "pool1", "pool2:trixie", "app1"];

/** `plumb lab up`. */
export async function labUpCommand(hosts: readonly string[], { name }: { name: string }): Promise<ExitCode> {
  const specs = (hosts.length === 0 ? USUAL_HOSTS : hosts).map(specOf);
  const status = await labUp(name, specs, (line) => process.stderr.write(`${line}\n`));
  const inventory = path.join(labPath(name), "hosts.yml");
  await writeFile(inventory, labInventory(status, {}));
  process.stdout.write(
    `${tableLines(status.hosts.map((host) => [host.name, host.address, host.release])).join("\n")}\n`,
  );
  process.stderr.write(`inventory: ${inventory}\n`);
  return EXIT.ok;
}

function specOf(text: string): LabHostSpec {
  const [name = "", release = "bookworm"] = text.split(":");
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name))
    throw inputError("invalid-option", `${text}: ${JSON.stringify(name)} is no host name`, {
      expected: "letters, digits and dashes, with a release behind a colon: web1 or web1:trixie",
    });
  if (release === "bookworm" || release === "trixie") return { name, release };
  throw inputError("invalid-option", `${text}: a lab has no release ${release}`, {
    expected: "bookworm or trixie",
  });
}

/** `plumb lab down`. */
export async function labDownCommand({ name, purge }: { name: string; purge?: boolean }): Promise<ExitCode> {
  await labDown(name, purge === true);
  return EXIT.ok;
}

/** `plumb lab list`. */
export async function labListCommand(): Promise<ExitCode> {
  const rows: string[][] = [["lab", "host", "address", "release", "state"]];
  for (const name of await labNames()) {
    const status = await labStatus(name);
    for (const host of status?.hosts ?? []) {
      rows.push([
        name,
        host.name,
        host.address,
        host.release,
        status?.running.has(host.name) === true ? "running" : "off",
      ]);
    }
  }
  process.stdout.write(`${tableLines(rows).join("\n")}\n`);
  return EXIT.ok;
}

/** `plumb lab reset`. */
export async function labResetCommand(
  hosts: readonly string[],
  { name }: { name: string },
): Promise<ExitCode> {
  await labReset(name, hosts);
  return EXIT.ok;
}

/** `plumb lab ssh`. */
export async function labSshCommand(
  host: string,
  command: readonly string[],
  { name }: { name: string },
): Promise<number> {
  const status = await labStatus(name);
  const found = status?.hosts.find((one) => one.name === host);
  if (status === undefined || found === undefined)
    throw inputError("unknown-host", `there is no host ${host} in the lab ${name}`);
  const args = [
    "-i",
    status.keyFile,
    "-o",
    `UserKnownHostsFile=${status.knownHostsFile}`,
    `root@${found.address}`,
    ...command,
  ];
  return new Promise((resolve) => {
    spawn("ssh", args, { stdio: "inherit" }).on("close", (code) => resolve(code ?? EXIT.failed));
  });
}
