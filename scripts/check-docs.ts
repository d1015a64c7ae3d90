import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { findDependencyErrors } from './docs-dependencies.js'
import { findTestErrors, type PageError } from './docs-tests.js'

// Checks the Markdown of this repository: every `ts` block compiles by itself under the repository's own settings,
// every relative link and anchor leads somewhere, every `npm run` names a script, every test that a page names is there,
// and the page of the dependencies lists those that the packages have.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SKIPPED = new Set(['node_modules', 'dist', 'coverage'])
const NPM_COMMANDS = /\bnpm (?:run ([\w:-]+)|(test|start))\b/g

interface Page {
  readonly file: string
  readonly lines: readonly string[]
  readonly blocks: readonly Block[]
  readonly links: readonly Link[]
  readonly anchors: ReadonlySet<string>
}

/** A fenced block of code. */
interface Block {
  readonly language: string
  /** The line of its first line of code, from 1. */
  readonly line: number
  readonly code: string
}

interface Link {
  readonly line: number
  readonly target: string
}

function main(): number {
  const pages = findMarkdown(ROOT).map(readPage)
  const blocks = pages.flatMap(({ file, blocks }) =>
    blocks.filter(({ language }) => language === 'ts').map((block) => ({ file, ...block })),
  )
  const links = pages.flatMap(({ file, links }) => links.filter(isRelative).map((link) => ({ file, ...link })))
  const anchors = new Map(pages.map(({ file, anchors }) => [file, anchors]))
  const errors = [
    ...compile(blocks),
    ...links.flatMap((link) => toLinkError(link, anchors)),
    ...pages.flatMap((page) => findUnknownScripts(page, readScripts())),
    ...pages.flatMap((page) => toPageErrors(page, findTestErrors(page.lines, ROOT))),
    ...pages
      .filter(({ file }) => file === join(ROOT, 'docs', 'dependencies.md'))
      .flatMap((page) => toPageErrors(page, findDependencyErrors(page.lines, ROOT))),
  ]
  for (const error of errors) console.error(error)
  if (errors.length > 0) {
    console.error(`${errors.length} errors in ${pages.length} pages`)
    return 1
  }
  console.log(`${blocks.length} ts blocks compile, ${links.length} links resolve`)
  return 0
}

function findMarkdown(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : findMarkdown(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

function readPage(file: string): Page {
  const lines = readFileSync(file, 'utf8').split(/\r?\n/)
  const blocks = readBlocks(lines)
  // Code is no prose: what looks like a link or a heading in it is none. The lines keep their numbers.
  const inCode = new Set(blocks.flatMap(({ line, code }) => code.split('\n').map((_, index) => line + index)))
  const prose = lines.map((text, index) => (inCode.has(index + 1) ? '' : text))
  return { file, lines, blocks, links: prose.flatMap(readLinks), anchors: readAnchors(prose) }
}

function readBlocks(lines: readonly string[]): Block[] {
  const blocks: Block[] = []
  let open: { fence: string; language: string; start: number } | undefined
  for (const [index, text] of lines.entries()) {
    const [, fence = '', info = ''] = /^ *(`{3,}|~{3,})([^`]*)$/.exec(text) ?? []
    if (open === undefined && fence !== '') {
      open = { fence, language: info.trim().split(/\s/)[0] ?? '', start: index + 1 }
    } else if (open !== undefined && fence.startsWith(open.fence) && info.trim() === '') {
      blocks.push({ language: open.language, line: open.start + 1, code: lines.slice(open.start, index).join('\n') })
      open = undefined
    }
  }
  return blocks
}

function readLinks(text: string, index: number): Link[] {
  const prose = text.replace(/(`+).*?\1/g, (code) => ' '.repeat(code.length))
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)]
  const definitions = [...prose.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)/g)]
  return [...inline, ...definitions].map(([, target = '']) => ({ line: index + 1, target }))
}

/** The anchors that GitHub gives the headings, and those written as HTML. */
function readAnchors(lines: readonly string[]): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const text of lines) {
    for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id)
    const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/.exec(text)?.[1]
    if (heading === undefined) continue
    const slug = toSlug(heading)
    let unique = slug
    for (let count = 1; anchors.has(unique); count++) unique = `${slug}-${count}`
    anchors.add(unique)
  }
  return anchors
}

function toSlug(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-')
}

function isRelative({ target }: Link): boolean {
  return !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target)
}

function toLinkError(
  { file, line, target }: Link & { readonly file: string },
  anchors: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const [path = '', anchor = ''] = target.split('#', 2)
  const destination = path === '' ? file : resolve(dirname(file), decodeURIComponent(path))
  const fail = (reason: string) => [`${toPlace(file, line)} - link ${target}: ${reason}`]
  if (path.startsWith('/') || relative(ROOT, destination).startsWith('..')) return fail('leads out of the repository')
  if (!existsSync(destination)) return fail('there is no such file')
  if (anchor === '' || anchors.get(destination)?.has(decodeURIComponent(anchor))) return []
  return fail('there is no such heading')
}

function findUnknownScripts({ file, lines }: Page, scripts: ReadonlySet<string>): string[] {
  return lines.flatMap((text, index) =>
    [...text.matchAll(NPM_COMMANDS)]
      .map(([, run, short]) => run ?? short ?? '')
      .filter((name) => !scripts.has(name))
      .map((name) => `${toPlace(file, index + 1)} - npm run ${name}: package.json has no such script`),
  )
}

function toPageErrors({ file }: Page, errors: readonly PageError[]): string[] {
  return errors.map(({ line, problem }) => `${toPlace(file, line)} - ${problem}`)
}

function readScripts(): ReadonlySet<string> {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  return new Set(Object.keys(scripts))
}

/** Typechecks all blocks in one program. Each is a module of its own beside its page, so that imports resolve as there. */
function compile(blocks: readonly (Block & { readonly file: string })[]): string[] {
  const modules = new Map(blocks.map((block) => [toPosix(`${block.file}.${block.line}.ts`), block]))
  const options = readOptions()
  const program = ts.createProgram([...modules.keys()], options, createHost(options, modules))
  const general = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()]
  const found = program
    .getSourceFiles()
    .filter(({ fileName }) => modules.has(fileName))
    .flatMap((source) => [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)])
  return [...general, ...found].map((diagnostic) => toCompileError(diagnostic, modules))
}

function readOptions(): ts.CompilerOptions {
  const { config, error } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  return { ...options, moduleDetection: ts.ModuleDetectionKind.Force, noEmit: true }
}

function createHost(options: ts.CompilerOptions, modules: ReadonlyMap<string, Block>): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  return {
    ...host,
    fileExists: (name) => modules.has(name) || host.fileExists(name),
    readFile: (name) => modules.get(name)?.code ?? host.readFile(name),
    getSourceFile(name, target, ...rest) {
      const block = modules.get(name)
      return block === undefined
        ? host.getSourceFile(name, target, ...rest)
        : ts.createSourceFile(name, block.code, target)
    },
  }
}

function toCompileError(
  { file: source, start, code, messageText }: ts.Diagnostic,
  modules: ReadonlyMap<string, Block & { readonly file: string }>,
): string {
  const message = `TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n  ')}`
  const block = source === undefined ? undefined : modules.get(source.fileName)
  if (source === undefined || block === undefined) return message
  const line = block.line + source.getLineAndCharacterOfPosition(start ?? 0).line
  return `${toPlace(block.file, line)} - ${message}`
}

function toPlace(file: string, line: number): string {
  return `${toPosix(relative(ROOT, file))}:${line}`
}

function toPosix(path: string): string {
  return path.replaceAll(sep, '/')
}

process.exitCode = main()
