import { defineConfig, type Options } from 'tsup'

/** The build of every published package: ESM and CommonJS, types for both, source maps. */
export function definePackage(options: Options): ReturnType<typeof defineConfig> {
  return defineConfig({
    format: ['esm', 'cjs'],
    platform: 'neutral',
    target: 'es2022',
    treeshake: true,
    sourcemap: true,
    clean: true,
    // Declarations are built against the other packages' own declarations, as a user's compiler would see them.
    dts: { compilerOptions: { ignoreDeprecations: '6.0', paths: {} } },
    ...options,
  })
}
