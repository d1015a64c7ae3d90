import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { ROOT } from './project.js'

const EXAMPLES = join(ROOT, 'examples', 'frameworks')
const NEXT_ROUTE = 'next/app/api/[...path]/route.ts'

let files: string[]

beforeAll(async () => {
  files = [...(await readdir(join(EXAMPLES, 'src'))).map((name) => `src/${name}`), NEXT_ROUTE]
})

it('shows every example in docs/frameworks.md, as its file is', async () => {
  const page = await readFile(join(ROOT, 'docs', 'frameworks.md'), 'utf8')
  const shown = page.matchAll(/\[`([^`]+)`\]\(\.\.\/examples\/frameworks\/\1\):\n\n```ts\n(.*?)```\n/gs)
  const expected = await Promise.all(files.map(async (file) => [file, await read(file)]))
  expect(Object.fromEntries([...shown].map(([, file, code]) => [file, code]))).toEqual(Object.fromEntries(expected))
})

it('needs at most 25 lines for each', async () => {
  for (const file of files) {
    const lines = (await read(file)).trimEnd().split('\n')
    expect({ file, count: lines.length }).toEqual({ file, count: Math.min(lines.length, 25) })
    // Biome would wrap a longer one.
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(120)
  }
})

function read(file: string): Promise<string> {
  return readFile(join(EXAMPLES, file), 'utf8')
}
