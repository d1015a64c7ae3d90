import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const PACKAGES = fileURLToPath(new URL('../../../../packages', import.meta.url))

/** A line of a log, as its statement has it: a template's message ends where its first value stands. */
export interface LogLine {
  readonly level: string
  readonly message: string
}

/** Returns the members of a union of literals that a file of core names, those of the unions in it included. */
export function listUnion(file: string, name: string): string[] {
  const source = parse(join('core/src', file))
  const find = (wanted: string): ts.TypeNode | undefined =>
    source.statements.filter(ts.isTypeAliasDeclaration).find((alias) => alias.name.text === wanted)?.type
  const toMembers = (type: ts.TypeNode | undefined): string[] => {
    if (type === undefined) throw new Error(`${file} has no union ${name}.`)
    if (ts.isUnionTypeNode(type)) return type.types.flatMap(toMembers)
    if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) return [type.literal.text]
    return ts.isTypeReferenceNode(type) ? toMembers(find(type.typeName.getText(source))) : []
  }
  return toMembers(find(name)).sort()
}

/** Returns the names of the methods of an interface of core. */
export function listMethods(file: string, name: string): string[] {
  const source = parse(join('core/src', file))
  const found = source.statements.filter(ts.isInterfaceDeclaration).find((declared) => declared.name.text === name)
  if (found === undefined) throw new Error(`${file} has no interface ${name}.`)
  return found.members.flatMap((member) => (member.name === undefined ? [] : [member.name.getText(source)])).sort()
}

/** Returns the keys of a constant object of core. */
export function listKeys(file: string, name: string): string[] {
  const source = parse(join('core/src', file))
  const keys = collect(source, (node) =>
    ts.isVariableDeclaration(node) && node.name.getText(source) === name ? listOwnKeys(node, source) : [],
  )
  if (keys.length === 0) throw new Error(`${file} has no keys of ${name}.`)
  return keys.sort()
}

function listOwnKeys(node: ts.VariableDeclaration, source: ts.SourceFile): string[] {
  let value = node.initializer
  while (value !== undefined && (ts.isAsExpression(value) || ts.isSatisfiesExpression(value))) value = value.expression
  if (value === undefined || !ts.isObjectLiteralExpression(value)) return []
  return value.properties.flatMap(({ name }) => (name === undefined ? [] : [name.getText(source)]))
}

/** Returns the codes with which core answers: those of its own refusals, and those of its table of problems. */
export function listAnswerCodes(): string[] {
  const inTable = collect(parse('core/src/problem-codes.ts'), (node) => {
    if (!ts.isArrayLiteralExpression(node)) return []
    const [status, code] = node.elements
    return status !== undefined && ts.isNumericLiteral(status) ? toText(code) : []
  })
  const thrown = listSources('core').flatMap((file) =>
    collect(parse(file), (node) =>
      ts.isNewExpression(node) && node.expression.getText() === 'HttpError' ? toText(node.arguments?.[1]) : [],
    ),
  )
  return [...new Set([...inTable, ...thrown])].sort()
}

/** Returns the names of the error classes that packages of an app export. */
export function listErrorClasses(): string[] {
  const names = listPackages()
    .filter((name) => name !== 'testing')
    .flatMap(listSources)
    .flatMap((file) => collect(parse(file), toErrorClass))
  return [...new Set(names)].sort()
}

function toErrorClass(node: ts.Node): string[] {
  if (!ts.isClassDeclaration(node) || node.name === undefined) return []
  const isExported = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false
  const isError = node.heritageClauses?.some((clause) => /Error\b/.test(clause.getText())) ?? false
  return isExported && isError ? [node.name.text] : []
}

/** Returns what a package writes to a log. */
export function listLogLines(name: string): LogLine[] {
  return listSources(name).flatMap((file) => collect(parse(file), toLogLine))
}

function toLogLine(node: ts.Node): LogLine[] {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return []
  const { expression, name } = node.expression
  if (!/(^|\.)logger$/.test(expression.getText())) return []
  return toText(node.arguments[1]).map((message) => ({ level: name.text, message }))
}

/** Returns the adapters that there are, as `package` or, where a framework has several versions, `package version`. */
export function listAdapters(): string[] {
  return listPackages()
    .filter((name) => name.endsWith('-adapter'))
    .flatMap((name) => {
      const { peerDependencies = {} } = JSON.parse(readFileSync(join(PACKAGES, name, 'package.json'), 'utf8'))
      const range: string = peerDependencies[name.replace(/-adapter$/, '')] ?? ''
      const versions = range.split('||').map((part) => /\d+/.exec(part)?.[0])
      return versions.length > 1 ? versions.map((version) => `${name} ${version}`) : [name]
    })
    .sort()
}

function listPackages(): string[] {
  return readdirSync(PACKAGES, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
}

function listSources(name: string): string[] {
  const files = readdirSync(join(PACKAGES, name, 'src'), { encoding: 'utf8', recursive: true })
  return files.filter((file) => file.endsWith('.ts')).map((file) => join(name, 'src', file))
}

const parsed = new Map<string, ts.SourceFile>()

function parse(file: string): ts.SourceFile {
  const known =
    parsed.get(file) ??
    ts.createSourceFile(file, readFileSync(join(PACKAGES, file), 'utf8'), ts.ScriptTarget.Latest, true)
  parsed.set(file, known)
  return known
}

/** What is found in each node of a file. */
function collect<Found>(source: ts.SourceFile, find: (node: ts.Node) => readonly Found[]): Found[] {
  const found: Found[] = []
  const visit = (node: ts.Node) => {
    found.push(...find(node))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function toText(node: ts.Node | undefined): string[] {
  if (node === undefined) return []
  if (ts.isStringLiteralLike(node)) return [node.text]
  return ts.isTemplateExpression(node) ? [node.head.text] : []
}
