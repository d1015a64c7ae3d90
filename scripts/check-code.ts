import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import ts from 'typescript'
import type { CheckContext, Finding, PackedPackage } from './check-context.js'

// jose is for the entry point `jwt` only, which the budgets of check-tarballs.ts hold to.
const CORE_DEPENDENCIES = ['jose', 'ofetch', 'zod']
const NODE_GLOBALS = ['process', 'Buffer', 'require', 'global', '__dirname', '__filename', 'setImmediate']
const GLOBAL_OBJECTS = ['globalThis', 'self', 'window']

/** Checks that each symbol that an entry point exports has a doc comment with a sentence, and that no source says `any`. */
export async function checkSources({ packages, root, log }: CheckContext): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const packed of packages) {
    const program = createProgram(packed.folder)
    const paths = toEntryPoints(packed).map((entry) => toSourcePath(packed, entry))
    const symbols = [...new Set(paths.flatMap((path) => toExports(program, path)))]
    const sources = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(join(packed.folder, 'src')))
    findings.push(...symbols.flatMap((symbol) => findMissingComment(program, symbol, root)))
    findings.push(...sources.flatMap((source) => findAny(source, root)))
    log(`${packed.manifest.name}: ${symbols.length} exports, ${sources.length} files`)
  }
  return findings
}

function createProgram(folder: string): ts.Program {
  const path = join(folder, 'tsconfig.json')
  const { config, error } = ts.readConfigFile(path, ts.sys.readFile)
  if (error !== undefined)
    throw new Error(`${path} cannot be read: ${ts.flattenDiagnosticMessageText(error.messageText, ' ')}`)
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, folder)
  return ts.createProgram(fileNames, options)
}

/** `.`, `./client`, …: what has code behind it. */
function toEntryPoints({ manifest }: PackedPackage): string[] {
  return Object.keys(manifest.exports).filter((entry) => entry !== './package.json')
}

/** The house's rule, which the `paths` of tsconfig.base.json and vitest.config.ts know too. */
function toSourcePath({ folder }: PackedPackage, entry: string): string {
  return join(folder, 'src', `${toBaseName(entry)}.ts`)
}

function toBaseName(entry: string): string {
  return entry === '.' ? 'index' : entry.slice('./'.length)
}

/** What the module exports, each symbol where it is declared. */
function toExports(program: ts.Program, path: string): ts.Symbol[] {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(path)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined)
    throw new Error(`${path} is not there or exports nothing: an entry point needs a source of its name.`)
  return checker
    .getExportsOfModule(module)
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
}

function findMissingComment(program: ts.Program, symbol: ts.Symbol, root: string): Finding[] {
  const checker = program.getTypeChecker()
  const comment = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim()
  if (/\w\W+\w[\s\S]*[.:)`]$/.test(comment)) return []
  const [declaration] = symbol.declarations ?? []
  const place = declaration === undefined ? 'somewhere' : toPlace(declaration, root)
  const fix = 'Write a sentence above it, in contract words: what it returns or resolves with, units, defaults, errors.'
  return [{ problem: `${symbol.name} (${place}) is exported without a doc comment.`, fix }]
}

function findAny(source: ts.SourceFile, root: string): Finding[] {
  return collect(source, (node) => node.kind === ts.SyntaxKind.AnyKeyword).map((node) => ({
    problem: `any in ${toPlace(node, root)}.`,
    fix: 'Write unknown and check it, or the type that it has.',
  }))
}

function collect(node: ts.Node, isWanted: (node: ts.Node) => boolean): ts.Node[] {
  const inside: ts.Node[] = []
  ts.forEachChild(node, (child) => {
    inside.push(...collect(child, isWanted))
  })
  return isWanted(node) ? [node, ...inside] : inside
}

function toPlace(node: ts.Node, root: string): string {
  const source = node.getSourceFile()
  const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
  return `${relative(root, source.fileName)}:${line + 1}`
}

/** Checks that core's build and its types import ofetch and zod at most, and that its modules use nothing that only Node has. */
export async function checkCoreOutput({ packages, root, log }: CheckContext): Promise<readonly Finding[]> {
  const { folder, files } = requireCore(packages)
  const built = files.filter((file) => /\.(js|cjs|d\.ts|d\.cts)$/.test(file))
  const findings: Finding[] = []
  for (const file of built) {
    const path = join(folder, file)
    const text = await readFile(path, 'utf8')
    findings.push(...findForeignImports(text, relative(root, path)))
    if (file.endsWith('.js')) findings.push(...findNodeGlobals(toSourceFile(path, text), root))
  }
  log(`${built.length} files`)
  return findings
}

function requireCore(packages: readonly PackedPackage[]): PackedPackage {
  const core = packages.find(({ manifest }) => manifest.name === '@persona-kyc/core')
  if (core === undefined) throw new Error('There is no package @persona-kyc/core in packages/.')
  return core
}

function findForeignImports(text: string, place: string): Finding[] {
  const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(text, true, true)
  return [...importedFiles, ...typeReferenceDirectives]
    .map(({ fileName }) => fileName)
    .filter((name) => !name.startsWith('./') && !CORE_DEPENDENCIES.includes(name))
    .map((name) => ({
      problem: `${place} imports ${name}.`,
      fix: 'Core runs on Node, Bun, Deno and Workers: use what they all have (fetch, crypto.subtle, TextEncoder, URL).',
    }))
}

function findNodeGlobals(source: ts.SourceFile, root: string): Finding[] {
  return collect(source, (node) => ts.isIdentifier(node) && NODE_GLOBALS.includes(node.text))
    .filter((node) => isReference(node))
    .map((node) => ({
      problem: `${toPlace(node, root)} uses ${node.getText(source)}, which only Node has.`,
      fix: 'Use what every runtime has, or take it as an option.',
    }))
}

function toSourceFile(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, { languageVersion: ts.ScriptTarget.Latest }, true)
}

/** False for an identifier that only names a member, as in `step.process` and `{ process: 1 }`. */
function isReference(node: ts.Node): boolean {
  const { parent } = node
  if (ts.isShorthandPropertyAssignment(parent)) return true
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return GLOBAL_OBJECTS.includes(parent.expression.getText())
  }
  return !('name' in parent && parent.name === node)
}
