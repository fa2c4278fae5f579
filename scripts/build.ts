import { rm } from "node:fs/promises";
import { build } from "esbuild";

/**
 * Bundles src/ into dist/: ES modules, split where code is loaded lazily, so that a command loads what it needs and nothing else.
 */
await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/main.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  // Names stay: stack traces can be read, and it starts faster than with `keepNames`, which sets each of them at run time.
  minifyWhitespace: true,
  minifySyntax: true,
  chunkNames: "chunks/[name]-[hash]",
  // Native parts that are never installed: pure JavaScript does the same.
  external: ["cpu-features", "*.node", "pg-native"],
  // Packages in the older module format ask for these names.
  banner: {
    js: [
      'import { createRequire as plumbCreateRequire } from "node:module";',
      'import { fileURLToPath as plumbFileUrlToPath } from "node:url";',
      'import { dirname as plumbDirname } from "node:path";',
      "const require = plumbCreateRequire(import.meta.url);",
      "const __filename = plumbFileUrlToPath(import.meta.url);",
      "const __dirname = plumbDirname(__filename);",
    ].join("\n"),
  },
  logLevel: "warning",
});
