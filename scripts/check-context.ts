/** Something wrong, and what to do about it. */
export interface Finding {
  readonly problem: string
  readonly fix: string
}

/** The parts of a package.json that are checked. */
export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly description?: string
  readonly license?: string
  readonly type?: string
  readonly sideEffects?: boolean
  readonly engines?: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, unknown>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** A package as `npm publish` would send it. */
export interface PackedPackage {
  readonly folder: string
  readonly manifest: Manifest
  /** The path of the tarball. */
  readonly tarball: string
  /** The paths of the files in the tarball. */
  readonly files: readonly string[]
}

/** What every check works with. */
export interface CheckContext {
  /** The root of the repository. */
  readonly root: string
  readonly rootManifest: Manifest
  /** A directory outside of the repository, gone at the end. */
  readonly scratch: string
  readonly packages: readonly PackedPackage[]
  /** Prints a line about what the check does or has measured. */
  readonly log: (line: string) => void
  readonly run: RunProgram
}

/** Runs a program, and resolves with how it ended: `output` is all that it printed, `stdout` only the one half. */
export type RunProgram = (
  command: string,
  options: { readonly args: readonly string[]; readonly cwd: string },
) => Promise<{ readonly isOk: boolean; readonly stdout: string; readonly output: string }>
