import { mkdir, rm, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import path from "node:path";
import { type InputOptions, type Plugin, type PluginContext, rolldown } from "rolldown";
import { FUNCTION_END, FUNCTION_HEAD } from "../src/load-code.ts";

/**
 * Modules of Node.js, with what is used of them and nothing else. An `import` of one lists all that it exports, and so loads what the module itself would load
 * only when it is used: web cryptography behind crypto, line editors behind fs. That took longer than all files of ours take to load.
 */
const builtins: Plugin = {
  name: "builtins",
  resolveId: (id, importer, { kind }) => {
    if (importer === undefined || !isBuiltin(id)) return null;
    return `\0${kind === "require-call" ? "required" : "imported"}:${id}`;
  },
  load: (id) => {
    const [, how, name = ""] = /^\0(required|imported):(.*)$/.exec(id) ?? [];
    if (how === undefined) return null;
    const found = `process.getBuiltinModule(${JSON.stringify(name)})`;
    const names = Object.keys(process.getBuiltinModule(name) ?? {}).filter((one) => one !== "default");
    if (name.endsWith("child_process")) {
      const functions = names.filter((one) => /^[a-z]/.test(one));
      const code = [LATER, ...functions.map((one) => `const ${one} = later(${JSON.stringify(one)});`)];
      const all = `{ ${functions.join(", ")} }`;
      const exported =
        how === "required" ? `module.exports = ${all};` : `export ${all}; export default ${all};`;
      return { code: [...code, exported].join("\n"), moduleSideEffects: false };
    }
    if (how === "required") return `module.exports = ${found};`;
    const text = name.endsWith("/promises")
      ? // These are functions, and are loaded when one of them is called.
        names.map((one) => `export const ${one} = (...given) => ${found}.${one}(...given);`)
      : [
          `const builtin = ${found};`,
          "export default builtin;",
          ...names.map((one) => `export const ${one} = /* @__PURE__ */ (() => builtin.${one})();`),
        ];
    return { code: text.join("\n"), moduleSideEffects: false };
  },
};

/** Functions of child_process that load it, and the sockets that it brings along, when one of them is called. `promisify` finds what the real ones have for it. */
const LATER = `
const later = (name) =>
  Object.assign((...given) => process.getBuiltinModule("child_process")[name](...given), {
    [Symbol.for("nodejs.util.promisify.custom")]: (...given) =>
      process.getBuiltinModule("util").promisify(process.getBuiltinModule("child_process")[name])(...given),
  });`;

/** Agents for HTTP through SSH, which bring Node.js's whole HTTP along. */
const noHttpAgents: Plugin = {
  name: "no-http-agents",
  resolveId: (id, importer) =>
    id === "./http-agents.js" && /[\\/]ssh2[\\/]/.test(importer ?? "") ? "\0no-http-agents" : null,
  load: (id) => (id === "\0no-http-agents" ? "module.exports = {};" : null),
};

/** ssh2's WebAssembly for a cipher that is hardly ever chosen; see src/transport/poly1305.ts. */
const noWebAssembly: Plugin = {
  name: "no-web-assembly",
  resolveId: (id, importer) =>
    id === "./crypto/poly1305.js" && /[\\/]ssh2[\\/]/.test(importer ?? "") ? "\0poly1305" : null,
  load: (id) =>
    id === "\0poly1305"
      ? `module.exports = require(${JSON.stringify(path.resolve("src/transport/poly1305.ts"))}).poly1305Module;`
      : null,
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

/** zod's words in some fifty languages, which nobody chooses. They would make a third of what every run loads. */
const noLanguages: Plugin = {
  name: "no-languages",
  load: (id) =>
    /[\\/]zod[\\/]v4[\\/]locales[\\/](?!en\.js|index\.js)[\w-]+\.js$/.test(id)
      ? "export default () => ({ localeError: undefined });"
      : null,
};

/** See src/load-code.ts, which gives each file this function. */
const importGiven: Plugin = {
  name: "import-given",
  load: (id) =>
    /[\\/]src[\\/]modules[\\/]import-file\.ts$/.test(id)
      ? "const given = importFile; export { given as importFile };"
      : null,
};

/** In a text that has other letters too, V8 needs two bytes for each: megabytes for what every run loads. */
function ascii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Bundles src/ into dist/: CommonJS that src/load-code.ts loads, split where code is loaded lazily, so that a command loads what it needs and nothing else.
 */
await rm("dist", { recursive: true, force: true });
const common: InputOptions = {
  platform: "node",
  plugins: [builtins, noHttpAgents, noWebAssembly, noNativeParts, noLanguages, importGiven],
};
const output = {
  format: "cjs",
  // Names stay: stack traces can be read.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
} as const;

const bundle = await rolldown({
  ...common,
  input: { main: "src/main.ts" },
  preserveEntrySignatures: false,
  transform: { define: { "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" } },
});
const { output: files } = await bundle.generate({
  ...output,
  entryFileNames: "chunks/[name]-[hash].cjs",
  chunkFileNames: "chunks/[name]-[hash].cjs",
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [{ name: chunkOf, debugName: "together" }],
  },
});
await bundle.close();

await mkdir("dist/chunks", { recursive: true });
for (const file of files) {
  if (file.type === "chunk")
    await writeFile(path.join("dist", file.fileName), FUNCTION_HEAD + ascii(file.code) + FUNCTION_END);
}

const main = files.find((file) => file.type === "chunk" && file.isEntry)?.fileName;
const start = await rolldown({
  ...common,
  input: { start: "src/start.ts" },
  transform: { define: { MAIN_FILE: JSON.stringify(main ?? "") } },
});
await start.write({ ...output, dir: "dist", entryFileNames: "[name].cjs" });
await start.close();
