import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PageError } from './docs-tests.js'

/** The parts of a package.json that say what a package needs. */
interface Manifest {
  readonly name: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** A row of a table below a heading. */
interface Row {
  readonly line: number
  readonly heading: string
  readonly cells: readonly string[]
}

/** The heading of the table of packages that are not of this repository. */
const OTHERS = 'The packages'

/**
 * Finds where `docs/dependencies.md` differs from the packages: a table below the heading of each package has its
 * dependencies and peers, and what kind each is; another table has every package that is not ours, with its licence.
 */
export function findDependencyErrors(lines: readonly string[], root: string): PageError[] {
  const manifests = readdirSync(join(root, 'packages')).map((folder) => readManifest(join(root, 'packages', folder)))
  const rows = readRows(lines)
  const own = new Set(manifests.map(({ name }) => name))
  const needed = new Map(manifests.map((manifest) => [manifest.name, toKinds(manifest)]))
  const others = new Map<string, string>()
  for (const kinds of needed.values()) {
    for (const name of kinds.keys()) if (!own.has(name)) others.set(name, toLicence(root, name))
  }
  return [...new Map([...needed, [OTHERS, others]])].flatMap(([heading, expected]) => compare(heading, expected, rows))
}

/** Compares the first two cells of each row below the heading. */
function compare(heading: string, expected: ReadonlyMap<string, string>, rows: readonly Row[]): PageError[] {
  const found = rows.filter((row) => row.heading === heading)
  const names = new Set(found.map(({ cells: [name = ''] }) => name))
  const missing = [...expected.keys()].filter((name) => !names.has(name))
  const line = found[0]?.line ?? 1
  return [
    ...missing.map((name) => ({ line, problem: `"${heading}" lacks ${name}` })),
    ...found.flatMap(({ line, cells: [name = '', second = ''] }) => {
      const right = expected.get(name)
      if (right === undefined) return [{ line, problem: `"${heading}" has ${name}, which is not needed` }]
      return right === second ? [] : [{ line, problem: `"${heading}" says ${second} of ${name}: it is ${right}` }]
    }),
  ]
}

function toKinds({ dependencies, peerDependencies, peerDependenciesMeta }: Manifest): Map<string, string> {
  const toPeer = (name: string) => (peerDependenciesMeta?.[name]?.optional === true ? 'optional peer' : 'peer')
  return new Map([
    ...Object.keys(dependencies ?? {}).map((name) => [name, 'dependency'] as const),
    ...Object.keys(peerDependencies ?? {}).map((name) => [name, toPeer(name)] as const),
  ])
}

function toLicence(root: string, name: string): string {
  return readManifest(join(root, 'node_modules', name)).license ?? 'none'
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** The rows of all tables but their heads. */
function readRows(lines: readonly string[]): Row[] {
  let heading = ''
  return lines.flatMap((text, index) => {
    heading = /^#+ (.*)$/.exec(text)?.[1]?.replaceAll('`', '') ?? heading
    const isHead = /^\|[ :|-]+$/.test(lines[index + 1] ?? '')
    if (!text.startsWith('|') || isHead || /^\|[ :|-]+$/.test(text)) return []
    const cells = text.split('|').slice(1, -1)
    return [{ line: index + 1, heading, cells: cells.map((cell) => cell.trim().replaceAll('`', '')) }]
  })
}
