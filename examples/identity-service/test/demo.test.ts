import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createKycApi } from '@persona-kyc/core'
import { isLocalChainAvailable } from '@persona-kyc/testing/evm'
import { createPublicClient, http } from 'viem'
import { describe, expect, it, vi } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

describe.skipIf(!isLocalChainAvailable())(
  'npm run demo:identity (skipped where @foundry-rs/anvil has no program)',
  () => {
    it('takes a person to a valid claim and to the end of it, and ends', { timeout: 120_000 }, async () => {
      const { ended, output } = startDemo([])
      const code = await ended
      expect({ code, output: output() }).toEqual({ code: 0, output: expect.stringContaining('Done') })
      expect(factsOf(output())).toEqual([
        ['chain id', '31337'],
        ['claim issuer', expect.stringMatching(ADDRESS)],
        ['identity factory', expect.stringMatching(ADDRESS)],
        ['sender and signer', expect.stringMatching(ADDRESS)],
        ['case', expect.stringMatching(/^[0-9a-f-]{36}$/)],
        ['identity', expect.stringMatching(ADDRESS)],
        ['claim id', expect.stringMatching(HASH)],
        ['transaction', expect.stringMatching(HASH)],
        ['its receipt', expect.stringMatching(/^success, in block \d+$/)],
        ['isClaimValid', 'true'],
        ['verifyClaim', expect.stringMatching(/^valid: level 1, verified at \S+Z$/)],
        ['identity', expect.stringMatching(ADDRESS)],
        ['isClaimValid (r, s, v)', 'false'],
        ['isClaimValid (r, s, v - 27)', 'false'],
        ['isClaimValid (r, n - s, v)', 'false'],
        ['isClaimValid (r, n - s, v - 27)', 'false'],
        ['verifyClaim', 'not valid: no_claim'],
      ])
      expect(output()).toMatch(
        /POST \/compliance\/kyc.*inquiry\.completed.*200 applied.*kyc_claim_id: "0x.*inquiry\.declined.*kyc_claim_id: null/s,
      )
    })

    it('keeps everything up with --serve, until Ctrl-C', { timeout: 120_000 }, async () => {
      const { child, ended, output } = startDemo(['--serve'], { PORT: '0' })
      await vi.waitUntil(() => output().includes('Still up') || child.exitCode !== null, { timeout: 90_000 })
      const [, url = '', token = ''] = /(http:\S+)\/compliance\/kyc\s+authorization: Bearer (\w+)/.exec(output()) ?? []
      const { cases } = await createKycApi({ baseUrl: url, token }).list()
      expect(cases).toHaveLength(1)
      const [, rpcUrl = ''] = /local EVM\s+(http:\S+)/.exec(output()) ?? []
      expect(await createPublicClient({ transport: http(rpcUrl) }).getChainId()).toBe(31_337)
      child.kill('SIGINT')
      expect(await ended).toBe(0)
    })
  },
)

const ADDRESS = /^0x[0-9a-fA-F]{40}$/
const HASH = /^0x[0-9a-f]{64}$/

/** The lines of the tables: a name, two spaces or more, and a value. */
function factsOf(output: string): string[][] {
  const tables = output
    .split('\n')
    .filter((line) => /^ {4}\S.* {2}\S/.test(line) && !line.includes('Persona-Signature'))
  return tables.map((line) => line.trim().split(/ {2,}/))
}

interface Demo {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  output(): string
}

/** Runs the demo as npm does, with an environment that names no database, no chain and no account. */
function startDemo(args: string[], environment: Record<string, string> = {}): Demo {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/identity-service/src/demo.ts', ...args], {
    cwd: ROOT,
    env: { PATH, HOME, TSX_TSCONFIG_PATH: 'tsconfig.json', ...environment },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  return { child, ended: once(child, 'close').then(([code]) => code as number | null), output: () => text }
}
