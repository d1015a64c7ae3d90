import { readFile } from 'node:fs/promises'

/** A fenced block of a page. */
export interface Block {
  readonly language: string
  /** The heading that it is below. */
  readonly heading: string
  readonly code: string
}

/** Reads the blocks of a page of the docs, in their order. */
export async function readBlocks(url: URL): Promise<Block[]> {
  const text = await readFile(url, 'utf8')
  const blocks: Block[] = []
  let heading = ''
  for (const [, title, language = '', code = ''] of text.matchAll(/^#+ (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (title === undefined) blocks.push({ language, heading, code })
    else heading = title
  }
  return blocks
}

/** The file that a block of code is, by the comment in its first line. */
export function toFile({ code }: Block): { readonly name: string; readonly text: string } {
  const name = /^\/\/ ([\w.-]+)\n/.exec(code)?.[1]
  if (name === undefined) throw new Error(`The block does not say which file it is:\n${code}`)
  return { name, text: code }
}

/** Changes a file as a block of `diff` says, whose lines must be there exactly once, one after the other. */
export function applyDiff({ code }: Block, files: Map<string, string>): void {
  const [head = '', ...lines] = code.trimEnd().split('\n')
  const name = head.replace(/^--- /, '')
  const side = (sign: string) =>
    lines.filter((line) => line === '' || ' '.includes(line[0] ?? '') || line[0] === sign).map((line) => line.slice(1))
  const [before, after] = [side('-').join('\n'), side('+').join('\n')]
  const parts = (files.get(name) ?? '').split(before)
  if (parts.length !== 2) throw new Error(`The lines of this diff are ${parts.length - 1} times in ${name}:\n${before}`)
  files.set(name, parts.join(after))
}

/** What a block of `sh` says that it prints. */
export function toPromises(code: string): string[] {
  return [...code.matchAll(/^# prints (.*)$/gm)].map(([, line = '']) => line)
}
