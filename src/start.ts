/**
 * Where the process begins: turns on the cache of compiled code, then loads everything else. What stands in this file is compiled anew each time; what it
 * loads comes out of the cache.
 */
const { enableCompileCache } = process.getBuiltinModule("node:module");
const { homedir } = process.getBuiltinModule("node:os");

// In a folder of the user's own: the default is one in /tmp, where others may write.
enableCompileCache(`${process.env["XDG_CACHE_HOME"] ?? `${homedir()}/.cache`}/plumb`);

await import("./main.ts");
