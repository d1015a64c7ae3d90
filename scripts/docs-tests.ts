import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** A place in a page, and what is wrong there. */
export interface PageError {
  readonly line: number
  readonly problem: string
}

/** A test as a page names it: its titles from the outermost `describe` on, as they are written in the file. */
interface NamedTest {
  readonly titles: string
  readonly isSkipped: boolean
}

const SEPARATOR = ' › '
const CODE = /`([^`]+)`/g
const REFERENCE = /^([\w./-]+\.test\.ts) › (.+)$/
const NUMBERED_ROW = /^\| *(\d+) *\|/

/**
 * Finds what is wrong with the tests that a page names, each in backticks as `path › title`, or `path › describe › title`
 * where the title alone is that of several. The title of an `it.each` is its template. Rows of tables that begin with a
 * number are counted from 1, and each of them names a test.
 */
export function findTestErrors(lines: readonly string[], root: string): PageError[] {
  if (!lines.some((text) => toReferences(text).length > 0)) return []
  let rows = 0
  return lines.flatMap((text, index) => {
    const references = toReferences(text)
    const number = NUMBERED_ROW.exec(text)?.[1]
    const problems = references.flatMap((reference) => toProblem(reference, root))
    if (number !== undefined) {
      rows += 1
      if (Number(number) !== rows) problems.push(`row ${number} should be row ${rows}`)
      if (references.length === 0) problems.push(`row ${number} names no test`)
    }
    return problems.map((problem) => ({ line: index + 1, problem }))
  })
}

function toReferences(text: string): string[] {
  return [...text.matchAll(CODE)].map(([, code = '']) => code).filter((code) => code.includes(SEPARATOR))
}

function toProblem(reference: string, root: string): string[] {
  const [, path = '', title = ''] = REFERENCE.exec(reference) ?? []
  if (path === '') return [`test ${reference}: write it as path/to/file.test.ts${SEPARATOR}title`]
  const file = join(root, path)
  if (!existsSync(file)) return [`test ${reference}: there is no such file`]
  const found = readTests(file).filter(({ titles }) => `${SEPARATOR}${titles}`.endsWith(`${SEPARATOR}${title}`))
  if (found.length === 0) return [`test ${reference}: the file has no such test`]
  if (found.length > 1) return [`test ${reference}: the file has ${found.length} of them, so name the describe too`]
  return found.some(({ isSkipped }) => isSkipped) ? [`test ${reference}: it is skipped`] : []
}

const known = new Map<string, readonly NamedTest[]>()

function readTests(file: string): readonly NamedTest[] {
  const tests = known.get(file) ?? collectTests(file)
  known.set(file, tests)
  return tests
}

function collectTests(file: string): NamedTest[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const tests: NamedTest[] = []
  const visit = (node: ts.Node, titles: readonly string[], isSkipped: boolean): void => {
    const call = ts.isCallExpression(node) ? toTestCall(node) : null
    if (call === null) {
      ts.forEachChild(node, (child) => visit(child, titles, isSkipped))
      return
    }
    const [own, isOff] = [[...titles, call.title], isSkipped || call.isSkipped]
    if (call.isSuite) for (const argument of call.rest) visit(argument, own, isOff)
    else tests.push({ titles: own.join(SEPARATOR), isSkipped: isOff })
  }
  visit(source, [], false)
  return tests
}

/** Null for a call that is no `it`, `test` or `describe` with a title; `it.each(…)` by itself is none yet. */
function toTestCall({ expression, arguments: [first, ...rest] }: ts.CallExpression) {
  const names = toNames(expression)
  const title = first === undefined || rest.length === 0 ? null : toTitle(first)
  if (title === null || !['it', 'test', 'describe'].includes(names[0] ?? '')) return null
  const isSkipped = names.some((name) => ['skip', 'todo', 'fails'].includes(name))
  return { title, rest, isSuite: names[0] === 'describe', isSkipped }
}

/** The names in what is called: `it.skip.each(rows)` has it, skip, each. */
function toNames(node: ts.Expression): string[] {
  if (ts.isIdentifier(node)) return [node.text]
  if (ts.isPropertyAccessExpression(node)) return [...toNames(node.expression), node.name.text]
  if (ts.isCallExpression(node)) return toNames(node.expression)
  return ts.isTaggedTemplateExpression(node) ? toNames(node.tag) : []
}

function toTitle(node: ts.Expression): string | null {
  if (ts.isStringLiteralLike(node)) return node.text
  return ts.isTemplateExpression(node) ? node.getText().slice(1, -1) : null
}
