/**
 * Where the process begins: turns on the cache of compiled code, then loads everything else. What stands in this file is compiled anew each time; what it
 * loads comes out of the cache.
 */
const { enableCompileCache } = process.getBuiltinModule("node:module");
const { statSync } = process.getBuiltinModule("node:fs");
const { homedir } = process.getBuiltinModule("node:os");

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

/** In a folder of the user's own: the default is one in /tmp. Where others may write, they could have written what is run. */
const folder = `${process.env["XDG_CACHE_HOME"] || `${homedir()}/.cache`}/plumb`;
const { mode = 0 } = statSync(folder, { throwIfNoEntry: false }) ?? {};
if ((mode & 0o022) === 0) enableCompileCache(folder);

await import("./main.ts");
