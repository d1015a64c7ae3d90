import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createKycApi } from '@persona-kyc/core'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

describe('npm run demo', () => {
  it('walks three people through verified, rejected and review, and ends', async () => {
    const { child, output } = startDemo([])
    const [code] = await once(child, 'close')
    expect({ code, output: output() }).toEqual({ code: 0, output: expect.stringContaining('Done') })
    expect(
      output()
        .match(/^ {4}status {14}(\w+)$/gm)
        ?.map((line) => line.trim().split(/\s+/)[1]),
    ).toEqual(['verified', 'rejected', 'review'])
    expect(output()).toMatch(
      /POST \/compliance\/kyc.*inquiry\.completed.*200 applied.*PUT \/compliance\/kyc\/\S+\/claim/s,
    )
  })

  it('keeps the server up with --serve, and starts again after it was killed', async () => {
    const first = startDemo(['--serve'], { PORT: '0' })
    await untilOutput(first, 'Still up')
    first.child.kill('SIGKILL')
    await once(first.child, 'close')

    const second = startDemo(['--serve'], { PORT: '0' })
    await untilOutput(second, 'Still up')
    const { url, token } =
      /(?<url>http:\S+)\/compliance\/kyc\s+authorization: Bearer (?<token>\w+)/.exec(second.output())?.groups ?? {}
    const { cases } = await createKycApi({ baseUrl: String(url), token }).list()
    expect(cases).toHaveLength(3)
    second.child.kill('SIGINT')
    expect(await once(second.child, 'close')).toEqual([0, null])
  })
})

interface Demo {
  readonly child: ChildProcess
  output(): string
}

/** Runs the demo as npm does, with an environment that names no database and no account. */
function startDemo(args: string[], environment: Record<string, string> = {}): Demo {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/demo/src/main.ts', ...args], {
    cwd: ROOT,
    env: { PATH, HOME, TSX_TSCONFIG_PATH: 'tsconfig.json', ...environment },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  return { child, output: () => text }
}

async function untilOutput({ child, output }: Demo, needle: string): Promise<void> {
  const ended = once(child, 'close').then(() => true)
  while (!output().includes(needle)) {
    const hasEnded = await Promise.race([
      ended,
      child.stdout === null ? ended : once(child.stdout, 'data').then(() => false),
    ])
    if (hasEnded) throw new Error(`The demo ended early:\n${output()}`)
  }
}
