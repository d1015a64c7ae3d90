import { defineConfig, type Options } from 'tsup'

/** The build of every published package: ESM and CommonJS, types for both, source maps. */
export function definePackage(options: Options): ReturnType<typeof defineConfig> {
  return defineConfig({
    format: ['esm', 'cjs'],
    platform: 'neutral',
    target: 'es2022',
    // No module of ours has side effects (package.json says so too): an entry point must not import what it does not use.
    treeshake: { moduleSideEffects: false },
    // In CommonJS too: an error that one entry point throws must be an instance of the class that another exports.
    splitting: true,
    // tsup would write `fs` for `node:fs`, which Deno and Workers do not know.
    removeNodeProtocol: false,
    sourcemap: true,
    clean: true,
    // Declarations are built against the other packages' own declarations, as a user's compiler would see them.
    dts: { compilerOptions: { ignoreDeprecations: '6.0', paths: {} } },
    ...options,
  })
}
