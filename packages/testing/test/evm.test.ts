import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isLocalChainAvailable, type LocalChain, type LocalChainOptions, startLocalChain } from '../src/evm.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

async function start(options: LocalChainOptions = {}): Promise<LocalChain> {
  const chain = await startLocalChain(options)
  onTestFinished(() => chain.stop())
  return chain
}

async function call(url: string, method: string, ...params: unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  return ((await response.json()) as { result?: unknown }).result
}

/** Resolves with the code of the refusal, or `accepted`. */
async function knock(url: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  try {
    await once(socket, 'connect')
    return 'accepted'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'failed'
  } finally {
    socket.destroy()
  }
}

async function newStatePath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'chain.json')
}

/** Another Node that starts a chain, prints its URL, and does what it is told to. */
async function startInAnotherProcess(
  whatNext: string,
  options: LocalChainOptions = {},
): Promise<{ node: ChildProcess; url: string; exit: Promise<unknown[]> }> {
  const program = `import { startLocalChain } from '${root}packages/testing/src/evm.ts'
    const chain = await startLocalChain(${JSON.stringify(options)})
    console.log(chain.url)
    ${whatNext}`
  const node = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
    cwd: root,
    env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void node.kill('SIGKILL'))
  const exit = once(node, 'exit')
  const [url] = await once(createInterface(node.stdout), 'line')
  return { node, url: String(url), exit }
}

/** The processes whose command line has this text, without zombies. */
function countProcesses(text: string): number {
  const { stdout } = spawnSync('ps', ['-eo', 'stat=,args='], { encoding: 'utf8' })
  return stdout.split('\n').filter((line) => !line.startsWith('Z') && line.includes(text)).length
}

const LIVES_ON = 'setInterval(() => {}, 60_000)'

describe.skipIf(!isLocalChainAvailable())('a local chain (skipped where @foundry-rs/anvil has no program)', () => {
  test('answers on loopback as soon as it is started, with ten funded accounts', async () => {
    const chain = await start()
    expect(chain.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(chain.chainId).toBe(31_337)
    expect(chain.accounts).toHaveLength(10)
    expect(chain.accounts[0]).toEqual({
      address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
      privateKey: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
    })
    for (const { address, privateKey } of chain.accounts) {
      expect(privateKey).toMatch(/^0x[0-9a-f]{64}$/)
      expect(await call(chain.url, 'eth_getBalance', address, 'latest')).toBe(`0x${(10n ** 22n).toString(16)}`)
    }
  })

  test('runs beside another one with another chain id', async () => {
    const [one, two] = await Promise.all([start({ chainId: 1001 }), start({ chainId: 1002 })])
    expect(one.url).not.toBe(two.url)
    expect([one.chainId, two.chainId]).toEqual([1001, 1002])
    expect(await call(one.url, 'eth_chainId')).toBe('0x3e9')
    expect(await call(two.url, 'eth_chainId')).toBe('0x3ea')
  })

  test('takes the gas limit, the hard fork and the port', async () => {
    const first = await start()
    const port = Number(new URL(first.url).port)
    await first.stop()
    const chain = await start({ gasLimit: 50_000_000n, hardfork: 'shanghai', port })
    expect(chain.url).toBe(first.url)
    expect(await call(chain.url, 'eth_getBlockByNumber', 'latest', false)).toMatchObject({ gasLimit: '0x2faf080' })
    expect(await call(chain.url, 'anvil_nodeInfo')).toMatchObject({ hardFork: expect.stringMatching(/shanghai/i) })
  })

  test('mines by the clock where a block time is given, and else at once', async () => {
    const [slow, quick] = await Promise.all([start({ blockTimeSeconds: 3600 }), start()])
    for (const { url, accounts } of [slow, quick]) {
      const [from, to] = accounts
      await call(url, 'eth_sendTransaction', { from: from?.address, to: to?.address, value: '0x1' })
    }
    await vi.waitFor(async () => expect(await call(quick.url, 'eth_blockNumber')).toBe('0x1'), { interval: 5 })
    expect(await call(slow.url, 'eth_blockNumber')).toBe('0x0')
  })

  test('is gone after stop, and its port is free; stop may be called twice', async () => {
    const chain = await start()
    expect(await knock(chain.url)).toBe('accepted')
    await Promise.all([chain.stop(), chain.stop()])
    await chain.stop()
    expect(await knock(chain.url)).toBe('ECONNREFUSED')
    expect(countProcesses(`--chain-id ${chain.chainId} --port ${new URL(chain.url).port}`)).toBe(0)
  })

  test('keeps its state in a file over a restart', async () => {
    const statePath = await newStatePath()
    const first = await start({ statePath })
    const [from, to] = first.accounts
    await call(first.url, 'eth_sendTransaction', { from: from?.address, to: to?.address, value: '0x1' })
    await vi.waitFor(async () => expect(await call(first.url, 'eth_blockNumber')).toBe('0x1'), { interval: 5 })
    await first.stop()
    const second = await start({ statePath })
    expect(await call(second.url, 'eth_blockNumber')).toBe('0x1')
    expect(await call(second.url, 'eth_getTransactionCount', from?.address, 'latest')).toBe('0x1')
  })

  test('says why it does not start, and leaves nothing behind', async () => {
    await expect(start({ hardfork: 'no-such-fork', chainId: 424_242 })).rejects.toMatchObject({
      code: 'chain_unreachable',
      message: expect.stringContaining('no-such-fork'),
    })
    expect(countProcesses('--chain-id 424242')).toBe(0)
    const { url } = await start()
    await expect(start({ port: Number(new URL(url).port) })).rejects.toThrow(/did not start.*in use/is)
  })

  test('ends with a process that is killed, its state written, though nobody stopped it', async () => {
    const statePath = await newStatePath()
    const { node, url, exit } = await startInAnotherProcess(LIVES_ON, { chainId: 515_151, statePath })
    expect(await knock(url)).toBe('accepted')
    expect(countProcesses('--chain-id 515151')).toBeGreaterThan(0)
    node.kill('SIGKILL')
    await exit
    await vi.waitFor(() => expect(countProcesses('--chain-id 515151')).toBe(0), { timeout: 10_000, interval: 20 })
    expect(await knock(url)).toBe('ECONNREFUSED')
    expect(existsSync(statePath)).toBe(true)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'takes over no %s: the process ends as always, and it too',
    async (name) => {
      const { node, url, exit } = await startInAnotherProcess(LIVES_ON)
      node.kill(name)
      expect(await exit).toEqual([null, name])
      await vi.waitFor(async () => expect(await knock(url)).toBe('ECONNREFUSED'), { timeout: 10_000, interval: 20 })
    },
  )

  test.each(['', 'await chain.stop()'])('lets a process end by itself, after %j', async (whatNext) => {
    const { url, exit } = await startInAnotherProcess(whatNext)
    expect(await exit).toEqual([0, null])
    await vi.waitFor(async () => expect(await knock(url)).toBe('ECONNREFUSED'), { timeout: 10_000, interval: 20 })
  })

  test('answers more calls than a pipe holds lines, while nobody reads its output', async () => {
    const { url } = await start()
    const calls = `for (let count = 0; count < 8000; count++) await fetch('${url}', { method: 'POST',
      headers: { 'content-type': 'application/json' }, body: '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}' })`
    // Synchronously: this process, the reader of the output, is busy until the end.
    const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', calls], { timeout: 25_000 })
    expect(status).toBe(0)
  })
})
