import { rm } from "node:fs/promises";
import path from "node:path";
import { type Plugin, type PluginContext, rolldown } from "rolldown";

/**
 * What commander gets of Node.js. An `import` of a module lists all that it exports, and so loads what the module itself would load only when it is used: streams
 * behind fs, decoders behind util. And commander can start programs as subcommands, which nobody asks of it here. `plumb --help` takes a third less time without.
 */
const FOR_COMMANDER: Readonly<Record<string, string>> = {
  "node:child_process": "export default {};",
  "node:process": "export default globalThis.process;",
  "node:fs": 'export default process.getBuiltinModule("node:fs");',
  "node:util": 'export const { stripVTControlCharacters } = process.getBuiltinModule("node:util");',
};

const slimCommander: Plugin = {
  name: "slim-commander",
  resolveId: (id, importer) =>
    importer !== undefined && /[\\/]commander[\\/]/.test(importer) && id in FOR_COMMANDER
      ? `\0commander:${id}`
      : null,
  load: (id) => FOR_COMMANDER[id.replace("\0commander:", "")] ?? null,
};

/** Native parts that are never installed: pure JavaScript does the same. Who asks for one is told that it is missing. */
const noNativeParts: Plugin = {
  name: "no-native-parts",
  resolveId: (id) => (/^(?:cpu-features|pg-native)$|\.node$/.test(id) ? `\0missing:${id}` : null),
  load: (id) =>
    id.startsWith("\0missing:")
      ? 'module.exports = undefined; throw Object.assign(new Error("not installed"), { code: "MODULE_NOT_FOUND" });'
      : null,
};

/** What a file imports, and what that imports, without what is loaded later. */
function reachedFrom(context: PluginContext | ModuleGraph, file: string): Set<string> {
  const reached = new Set<string>();
  const waiting = [file];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    waiting.push(...(context.getModuleInfo(id)?.importedIds ?? []));
  }
  return reached;
}

interface ModuleGraph {
  getModuleInfo(id: string): { importedIds: readonly string[] } | null;
}

/**
 * Node.js takes time for each file that is imported and for each `import` that leads to one. So what every run needs is one file, however many commands share
 * parts of it; and so is what the help needs.
 */
const TOGETHER = ["src/main.ts", "src/cli/run.ts"].map((file) => path.resolve(file));

const togetherIn = new Map<string, string>();

function chunkOf(id: string, graph: ModuleGraph): string | null {
  if (togetherIn.size === 0) {
    for (const file of TOGETHER) {
      for (const reached of reachedFrom(graph, file)) {
        // A file that waits for what it loads later must not be needed by that.
        if (!TOGETHER.includes(reached) && !togetherIn.has(reached))
          togetherIn.set(reached, `${path.basename(file, ".ts")}-parts`);
      }
    }
  }
  return togetherIn.get(id) ?? null;
}

/**
 * Bundles src/ into dist/: ES modules, split where code is loaded lazily, so that a command loads what it needs and nothing else.
 */
await rm("dist", { recursive: true, force: true });
const bundle = await rolldown({
  input: { start: "src/start.ts" },
  platform: "node",
  plugins: [slimCommander, noNativeParts],
  preserveEntrySignatures: false,
});
await bundle.write({
  dir: "dist",
  format: "esm",
  // Names stay: stack traces can be read.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  chunkFileNames: "chunks/[name]-[hash].js",
  banner: "const __filename = import.meta.filename, __dirname = import.meta.dirname;",
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [{ name: chunkOf, debugName: "together" }],
  },
});
await bundle.close();
