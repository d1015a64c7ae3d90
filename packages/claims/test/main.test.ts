import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { isLocalChainAvailable, type LocalChain, startLocalChain } from '@persona-kyc/testing/evm'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { accountOf, createWatchedClient, listContracts, newFile, readAddressFile } from './deploy-fixture.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
// Each command is a process of its own, and some tests run several.
vi.setConfig({ testTimeout: 120_000 })

/** Looks like a key, so that it would be taken for one wherever it went. */
const KEY_CANARY = `0x${'c0ffee11'.repeat(8)}`

describe.skipIf(!isLocalChainAvailable())('persona-kyc-claims (skipped where @foundry-rs/anvil has no program)', () => {
  let chain: LocalChain
  let directory: string
  let program: string

  beforeAll(async () => {
    chain = await startLocalChain()
    directory = await mkdtemp(join(tmpdir(), 'persona-kyc-test-'))
    // In one file, which starts quickly, far from any node_modules, and as CommonJS, as which the library is published too.
    program = join(directory, 'main.cjs')
    await build({
      entryPoints: [MAIN],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
    })
  })

  afterAll(async () => {
    await chain.stop()
    await rm(directory, { recursive: true, force: true })
  })

  interface Surroundings {
    readonly environment?: Record<string, string>
    readonly cwd?: string
  }

  function start(args: readonly string[], { environment, cwd = ROOT }: Surroundings = {}): ChildProcess {
    return spawn(process.execPath, [program, ...args], {
      cwd,
      env: {
        ...process.env,
        NO_COLOR: '1',
        RPC_URL: chain.url,
        DEPLOYER_PRIVATE_KEY: chain.accounts[0]?.privateKey ?? '',
        ...environment,
      },
    })
  }

  async function run(args: readonly string[], surroundings: Surroundings = {}) {
    const child = start(args, surroundings)
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.on('data', (chunk) => {
        output[stream] += chunk
      })
    }
    const [code] = await once(child, 'close')
    return { code, ...output }
  }

  it('tells of its command', async () => {
    const help = await run(['--help'])
    expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('deploy')])
    const { code, stdout } = await run(['deploy', '--help'])
    expect(code).toBe(0)
    for (const flag of ['rpc-url', 'manager', 'signer', 'topic', 'registry', 'out', 'confirmations', 'chain-id']) {
      expect(stdout).toContain(`--${flag}`)
    }
    expect(stdout).not.toMatch(/--[a-z-]*key/)
    expect((await run([])).code).toBe(2)
  })

  it('deploys line by line, and has nothing to do the second time', async () => {
    const file = newFile(directory)
    const roles = ['--manager', accountOf(chain, 1).address, '--signer', accountOf(chain, 2).address]
    const args = ['deploy', '--out', file, ...roles, '--registry', '--topic', '42', '--confirmations', '1']
    const first = await run(args)
    expect([first.code, first.stderr]).toEqual([0, ''])
    const { contracts, topic } = await readAddressFile(file)
    expect(topic).toBe(42n)
    for (const address of Object.values(contracts)) expect(first.stdout).toContain(address)
    expect(first.stdout).toContain(`Done. The addresses are in ${file}.`)
    expect(first.stdout).not.toContain(chain.accounts[0]?.privateKey.slice(2))
    const text = await readFile(file, 'utf8')
    const second = await run(args)
    expect([second.code, second.stdout]).toEqual([
      0,
      expect.stringMatching(/\nNothing to do: the chain is as .* says\.\n$/),
    ])
    expect(await readFile(file, 'utf8')).toBe(text)
  })

  it('killed for good after any line it prints, goes on at the next run and makes nothing twice', async () => {
    const file = newFile(directory)
    const deployer = accountOf(chain, 3)
    const client = createWatchedClient(chain.url)
    const environment = { DEPLOYER_PRIVATE_KEY: chain.accounts[3]?.privateKey ?? '' }
    const args = ['deploy', '--out', file, '--registry']
    for (const line of [2, 3, 2, 3]) {
      const child = start(args, { environment })
      const exit = once(child, 'exit')
      let lines = 0
      if (child.stdout === null) throw new Error('It has an output.')
      for await (const _ of createInterface(child.stdout)) if (++lines === line) child.kill('SIGKILL')
      expect(await exit).toEqual([null, 'SIGKILL'])
    }
    const last = await run(args, { environment })
    expect([last.code, last.stderr]).toEqual([0, ''])
    const { contracts, complete } = await readAddressFile(file)
    expect(complete).toBe(true)
    expect(await listContracts(client, deployer.address)).toEqual(Object.values(contracts))
    expect(await client.getTransactionCount(deployer)).toBe(7)
  })

  it.each<[readonly string[], Record<string, string>, RegExp, number]>([
    [['sideways'], {}, /There is no such command/, 2],
    [['deploy', '--regsitry'], {}, /There is no option --regsitry here/, 2],
    [['deploy', '--private-key', KEY_CANARY], {}, /There is no option --private-key here/, 2],
    [['deploy', `--key=${KEY_CANARY}`], {}, /There is no option --key here/, 2],
    [['deploy', KEY_CANARY], {}, /an argument too many/, 2],
    [['deploy', '--out'], {}, /--out needs a value/, 2],
    [['deploy'], { DEPLOYER_PRIVATE_KEY: '' }, /DEPLOYER_PRIVATE_KEY is not set/, 2],
    [['deploy'], { DEPLOYER_PRIVATE_KEY: `${KEY_CANARY}00` }, /DEPLOYER_PRIVATE_KEY is no private key/, 2],
    [['deploy'], { DEPLOYER_PRIVATE_KEY: 'f'.repeat(64) }, /DEPLOYER_PRIVATE_KEY is no private key/, 2],
    [['deploy'], { RPC_URL: '' }, /RPC_URL or --rpc-url/, 2],
    [['deploy', '--rpc-url', 'postgres://canary@x/y'], {}, /an http or https URL/, 2],
    [['deploy', '--manager', '0x12'], {}, /--manager is no address/, 2],
    [['deploy', '--signer', '0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266'], {}, /--signer is no address/, 2],
    [['deploy', '--topic', 'kyc'], {}, /--topic must be a whole number/, 2],
    [['deploy', '--topic', '0'], {}, /from 1 to 2\^256 - 1/, 1],
    [['deploy', '--confirmations', 'many'], {}, /--confirmations must be a whole number/, 2],
    [['deploy', '--chain-id', '1'], {}, /serves the chain 31337, not 1/, 1],
    [['deploy', '--out', '/nowhere/at/all.json'], {}, /cannot be written \(ENOENT\)/, 1],
    [['deploy', '--out', 'package.json'], {}, /package\.json is no address file/, 1],
    [['deploy', '--out', '/tmp/none.json'], { DEPLOYER_PRIVATE_KEY: KEY_CANARY }, /cannot pay for the next/, 1],
  ])('says what is wrong with %j %j', async (args, environment, message, expected) => {
    const { code, stdout, stderr } = await run(args, { environment })
    expect(stderr).toMatch(message)
    expect(code).toBe(expected)
    expect(stdout + stderr).not.toMatch(/ {4}at |c0ffee|canary@/)
  })

  it('says that the chain cannot be reached, without the URL and its secrets', async () => {
    const server = createServer((_, response) => response.writeHead(401).end('no key-canary here')).listen(0)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (const url of ['http://127.0.0.1:1/key-canary', `http://127.0.0.1:${port}/key-canary`]) {
      const { code, stdout, stderr } = await run(['deploy', '--rpc-url', url])
      expect([code, stderr]).toEqual([1, expect.stringContaining('Check the RPC endpoint')])
      expect(stdout + stderr).not.toContain('canary')
    }
    server.close()
  })

  it('says what to install where the contracts are missing, and finds them in the working directory', async () => {
    const place = await mkdtemp(join(directory, 'elsewhere-'))
    const file = newFile(directory)
    const environment = { DEPLOYER_PRIVATE_KEY: chain.accounts[4]?.privateKey ?? '' }
    const args = ['deploy', '--registry', '--out', file]
    const missing = await run(args, { cwd: place, environment })
    expect(missing.code).toBe(1)
    expect(missing.stderr).toContain('npm install --save-dev @onchain-id/solidity@2.2.1')

    for (const name of ['@onchain-id/solidity', '@tokenysolutions/t-rex']) {
      await mkdir(join(place, 'node_modules', name, '..'), { recursive: true })
      if (name.startsWith('@tokeny')) {
        const { stderr } = await run(args, { cwd: place, environment })
        expect(stderr).toContain('npm install --save-dev @tokenysolutions/t-rex@4.1.6')
      }
      await symlink(join(ROOT, 'node_modules', name), join(place, 'node_modules', name))
    }
    expect((await run(args, { cwd: place, environment })).code).toBe(0)
    expect((await readAddressFile(file)).complete).toBe(true)
  })
})
