import { statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { loadCode } from "./load-code.ts";

/** Where the process begins: looks whether this Node.js will do, then loads everything else. The build puts the name of the file there in which `main.ts` is. */
declare const MAIN_FILE: string;

/** As package.json has it. Older ones fail somewhere, with words that help nobody. */
const OLDEST = [22, 22, 2];
const own = process.versions.node.split(".").map(Number);
const different = OLDEST.findIndex((number, index) => own[index] !== number);
if (different !== -1 && (own[different] ?? 0) < (OLDEST[different] ?? 0)) {
  process.stderr.write(
    `plumb: it needs Node.js ${OLDEST.join(".")} or later, and this is ${process.versions.node}; \`sh scripts/bootstrap.sh demo --down\` installs one beside it\n`,
  );
  process.exit(2);
}

// Each command has functions of its own that it compiles.
const command = process.argv.slice(2).find((word) => !word.startsWith("-")) ?? "";

/** Those that may work on many hosts. */
const RUNS = ["run", "plan", "apply", "drift", "worker"];
if (RUNS.includes(command)) compileLate();

loadCode(__dirname, MAIN_FILE, keptCode(), (url) => import(url));

/**
 * Has V8 wait longer before it compiles a function once more to be faster: for some hundred times as many calls as it would (its defaults in Node.js 22 and 24: 400 and
 * 3,000). A run lives for seconds: V8's threads took a sixth of its processor time, and 7 MB, for code that hardly ran. With hundreds of hosts, what is called for each
 * of them and each task is still compiled. It is done before anything is loaded, because kept code is of no use to a V8 that is set otherwise.
 */
function compileLate(): void {
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  setFlagsFromString("--invocation-count-for-maglev=100000");
  setFlagsFromString("--invocation-count-for-turbofan=400000");
}

/** In a folder of the user's own: where others may write, they could have written what is run. With sudo, the home may be another user's. */
function keptCode(): string | undefined {
  const folder = `${process.env["XDG_CACHE_HOME"] || `${homedir()}/.cache`}/plumb`;
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found !== undefined && (found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0))
    return undefined;
  const name = /^[a-z]{0,20}$/.test(command) ? command : "other";
  return path.join(folder, "code", `${name}@${process.version}-${path.parse(MAIN_FILE).name}`);
}
