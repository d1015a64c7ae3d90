import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { isLocalChainAvailable, type LocalChain, startLocalChain } from '@persona-kyc/testing/evm'
import { type Address, createWalletClient, http, parseAbi } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { toKey } from '../src/claim.js'
import { parseAddressFile } from '../src/deploy/address-file.js'
import { loadContracts } from '../src/deploy/contract-artifacts.js'
import { type DeployOptions, deployContracts } from '../src/deploy.js'
import {
  accountOf,
  callChain,
  createWatchedClient,
  createWatchedStore,
  listContracts,
  newFile,
  readAddressFile,
  type Watch,
} from './deploy-fixture.js'

vi.setConfig({ testTimeout: 180_000 })

const CONTRACTS = parseAbi([
  'function getImplementation() view returns (address)',
  'function implementationAuthority() view returns (address)',
  'function owner() view returns (address)',
  'function getKeyPurposes(bytes32 key) view returns (uint256[])',
  'function getTrustedIssuersForClaimTopic(uint256 topic) view returns (address[])',
  'function addKey(bytes32 key, uint256 purpose, uint256 keyType) returns (bool)',
  'function removeKey(bytes32 key, uint256 purpose) returns (bool)',
])

describe.skipIf(!isLocalChainAvailable())('deployContracts (skipped where @foundry-rs/anvil has no program)', () => {
  let chain: LocalChain
  let directory: string
  let snapshot: unknown
  let file: string
  let manager: Address
  let signer: Address

  beforeAll(async () => {
    chain = await startLocalChain()
    directory = await mkdtemp(join(tmpdir(), 'persona-kyc-test-'))
    manager = accountOf(chain, 1).address
    signer = accountOf(chain, 2).address
  })

  afterAll(async () => {
    await chain.stop()
    await rm(directory, { recursive: true, force: true })
  })

  beforeEach(async () => {
    snapshot = await callChain(chain.url, 'evm_snapshot')
    file = newFile(directory)
  })

  afterEach(async () => {
    await callChain(chain.url, 'evm_setAutomine', [true])
    await callChain(chain.url, 'evm_revert', [snapshot])
  })

  function options(watch?: Watch): DeployOptions & { file: ReturnType<typeof createWatchedStore> } {
    return {
      client: createWatchedClient(chain.url, watch),
      account: accountOf(chain, 0),
      file: createWatchedStore(file, watch),
      timeoutMs: 10_000,
    }
  }

  const everything = (watch?: Watch): DeployOptions => ({
    ...options(watch),
    manager,
    signer,
    registry: true,
    topic: 7n,
  })

  function read(address: Address, functionName: string, ...args: unknown[]): Promise<unknown> {
    const client = createWatchedClient(chain.url)
    return client.readContract({ address, abi: CONTRACTS, functionName, args } as never)
  }

  /** What the deployer has on the chain is what the file says, once each. */
  async function expectOneOfEach(transactions: number): Promise<void> {
    const client = createWatchedClient(chain.url)
    const { address } = accountOf(chain, 0)
    const { contracts, complete } = await readAddressFile(file)
    expect(complete).toBe(true)
    expect(await listContracts(client, address)).toEqual(Object.values(contracts))
    expect(await client.getTransactionCount({ address })).toBe(transactions)
  }

  /** Mines block after block until the work is done. */
  async function mineUntil<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false
    const over = work.finally(() => {
      isOver = true
    })
    while (!isOver) await callChain(chain.url, 'evm_mine')
    return over
  }

  it('deploys four contracts that belong together, with the deployer for everything', async () => {
    const deployed = await deployContracts(options())
    const deployer = accountOf(chain, 0).address
    expect(deployed).toMatchObject({ manager: deployer, signer: deployer, sent: 4, trustedIssuersRegistry: null })
    expect(await read(deployed.implementationAuthority, 'getImplementation')).toBe(deployed.identityImplementation)
    expect(await read(deployed.identityFactory, 'implementationAuthority')).toBe(deployed.implementationAuthority)
    expect(await read(deployed.identityFactory, 'owner')).toBe(deployer)
    expect(await read(deployed.claimIssuer, 'getKeyPurposes', toKey(deployer))).toEqual([1n])
    await expectOneOfEach(4)
  })

  it('gives the manager the factory and the issuer, the signer a key for claims, and keeps neither', async () => {
    const deployed = await deployContracts({ ...options(), manager, signer })
    const deployer = accountOf(chain, 0).address
    expect(await read(deployed.identityFactory, 'owner')).toBe(manager)
    expect(await read(deployed.claimIssuer, 'getKeyPurposes', toKey(manager))).toEqual([1n])
    expect(await read(deployed.claimIssuer, 'getKeyPurposes', toKey(signer))).toEqual([3n])
    expect(await read(deployed.claimIssuer, 'getKeyPurposes', toKey(deployer))).toEqual([])
    expect(await read(deployed.implementationAuthority, 'owner')).toBe(deployer)
    await expectOneOfEach(8)
  })

  it.each([
    ['another manager that signs itself', { manager: 1 }, 5, { 0: [], 1: [1n] }],
    ['another signer for the deployer', { signer: 2 }, 5, { 0: [1n], 2: [3n] }],
    ['the deployer as the signer of another manager', { manager: 1, signer: 0 }, 8, { 0: [3n], 1: [1n] }],
  ])('knows the keys of %s', async (_, { manager, signer }: { manager?: number; signer?: number }, sent, purposes) => {
    const addressOf = (index: number | undefined) => (index === undefined ? undefined : accountOf(chain, index).address)
    const roles = { manager: addressOf(manager), signer: addressOf(signer) }
    const deployed = await deployContracts({ ...options(), ...roles })
    expect(deployed.sent).toBe(sent)
    for (const [index, expected] of Object.entries(purposes)) {
      const key = toKey(accountOf(chain, Number(index)).address)
      expect(await read(deployed.claimIssuer, 'getKeyPurposes', key)).toEqual(expected)
    }
    expect((await deployContracts({ ...options(), ...roles })).sent).toBe(0)
  })

  it('deploys a registry that lists the issuer for the topic', async () => {
    const deployed = await deployContracts(everything())
    const registry = deployed.trustedIssuersRegistry as Address
    expect(await read(registry, 'owner')).toBe(accountOf(chain, 0).address)
    expect(await read(registry, 'getTrustedIssuersForClaimTopic', 7n)).toEqual([deployed.claimIssuer])
    expect(await read(registry, 'getTrustedIssuersForClaimTopic', 1n)).toEqual([])
    await expectOneOfEach(11)
  })

  it('changes nothing the second time: no block, no nonce, not one byte of the file', async () => {
    const first = await deployContracts(everything())
    const { address } = accountOf(chain, 0)
    const look = async () => ({
      block: await callChain(chain.url, 'eth_blockNumber'),
      nonce: await callChain(chain.url, 'eth_getTransactionCount', [address, 'pending']),
      hash: createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
      status: await stat(file, { bigint: true }).then(({ ino, mtimeNs, mode }) => ({ ino, mtimeNs, mode })),
    })
    const before = await look()
    const methods = new Set<string>()
    const second = await deployContracts(everything((operation) => methods.add(operation)))
    expect(second).toEqual({ ...first, sent: 0 })
    expect(await look()).toEqual(before)
    expect([...methods].sort()).toEqual(['eth_blockNumber', 'eth_call', 'eth_chainId', 'eth_getCode'])
  })

  it('writes a file for all to read, without the key, and leaves no drafts', async () => {
    const lines: string[] = []
    await deployContracts({ ...everything(), onLine: (line) => lines.push(line) })
    const text = await readFile(file, 'utf8')
    const key = chain.accounts[0]?.privateKey.slice(2) ?? ''
    expect(text + lines.join()).not.toContain(key)
    expect(text.endsWith('}\n')).toBe(true)
    expect((await stat(file)).mode & 0o777).toBe(0o644)
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([])
    expect(lines).toHaveLength(1 + 2 * 11)
  })

  describe('killed, and run again', () => {
    class Killed extends Error {}

    /** Ends the process at its operation of that number, for good: nothing that comes after happens. */
    function killAt(number: number, counts: (operation: string, moment: 'before' | 'after') => boolean) {
      let count = 0
      const watch: Watch = (operation, moment) => {
        if (counts(operation, moment)) count++
        if (count >= number) throw new Killed(`killed ${moment} ${operation}`)
      }
      return watch
    }

    /** Kills run after run, each one operation later, until one comes through. Resolves with how many were killed. */
    async function killEverywhere(
      toOptions: (watch?: Watch) => DeployOptions,
      counts: (operation: string, moment: 'before' | 'after') => boolean,
      transactions: number,
    ): Promise<number> {
      for (let number = 1; ; number++) {
        const clean = await callChain(chain.url, 'evm_snapshot')
        file = newFile(directory)
        const isThrough = await deployContracts(toOptions(killAt(number, counts))).then(
          () => true,
          () => false,
        )
        if (isThrough) return number - 1
        await deployContracts(toOptions())
        await expectOneOfEach(transactions)
        await callChain(chain.url, 'evm_revert', [clean])
      }
    }

    it('before any operation, makes one of each contract with one transaction for each step', async () => {
      const signed = (watch?: Watch) => ({ ...options(watch), signer })
      const killed = await killEverywhere(signed, (_, moment) => moment === 'before', 5)
      expect(killed).toBeGreaterThan(60)
    })

    it('right after each transaction and each writing of the file, likewise', async () => {
      const effects = ['eth_sendRawTransaction', 'create', 'replace']
      const isEffect = (operation: string, moment: string) => effects.includes(operation) && moment === 'after'
      // A transaction, and the file before and after it.
      expect(await killEverywhere(everything, isEffect, 11)).toBe(11 * 3)
    })

    it('again and again, one step further each time, likewise', async () => {
      let runs = 0
      for (let isThrough = false; !isThrough; runs++) {
        let sends = 0
        const watch: Watch = (operation, moment) => {
          if (operation === 'eth_sendRawTransaction' && moment === 'after') sends++
          if (sends > 0) throw new Killed('killed after one transaction')
        }
        isThrough = await deployContracts(everything(watch)).then(
          () => true,
          () => false,
        )
      }
      // At least: what was sent right before may not be mined when the next run looks, and is sent once more.
      expect(runs).toBeGreaterThanOrEqual(12)
      await expectOneOfEach(11)
    })

    it('with the transaction not mined yet, waits for that one', async () => {
      await callChain(chain.url, 'evm_setAutomine', [false])
      const sends = (operation: string, moment: string) => operation === 'eth_sendRawTransaction' && moment === 'after'
      await expect(deployContracts(options(killAt(1, sends)))).rejects.toThrow()
      expect((await mineUntil(deployContracts(options()))).sent).toBeGreaterThanOrEqual(3)
      await expectOneOfEach(4)
    })

    it('by two at once, makes one of each contract', async () => {
      const sends = (operation: string, moment: string) => operation === 'eth_sendRawTransaction' && moment === 'after'
      await expect(deployContracts(everything(killAt(1, sends)))).rejects.toThrow()
      const both = await Promise.allSettled([deployContracts(everything()), deployContracts(everything())])
      expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
      await expectOneOfEach(11)
    })

    it('after the wallet has used the nonce for something else, takes the next one', async () => {
      const beforeThird = (operation: string, moment: string) =>
        operation === 'eth_sendRawTransaction' && moment === 'before'
      await expect(deployContracts(options(killAt(3, beforeThird)))).rejects.toThrow()
      const account = accountOf(chain, 0)
      const wallet = createWalletClient({ account, transport: http(chain.url) })
      await wallet.sendTransaction({ chain: null, to: manager, value: 1n })
      await vi.waitFor(async () => expect(await createWatchedClient(chain.url).getTransactionCount(account)).toBe(3))
      const { sent } = await deployContracts(options())
      expect(sent).toBe(2)
      expect((await readAddressFile(file)).steps.map(({ nonce }) => nonce)).toEqual([0, 1, 3, 4])
      await expectOneOfEach(5)
    })

    const onchainId = loadContracts('@onchain-id/solidity', '.')
    const NOBODY: Address = '0x000000000000000000000000000000000000dEaD'

    it.each([
      ['ImplementationAuthority', 2],
      ['Factory', 3],
      ['ClaimIssuer', 4],
    ])('does not take for its %s one that the wallet has made for another purpose', async (name, number) => {
      const sends = (operation: string, moment: string) => operation === 'eth_sendRawTransaction' && moment === 'before'
      await expect(deployContracts(options(killAt(number, sends)))).rejects.toThrow()
      const wallet = createWalletClient({ account: accountOf(chain, 0), transport: http(chain.url) })
      const abi = parseAbi(['constructor(address)'])
      const { bytecode } = onchainId.get(name)
      const hash = await wallet.deployContract({ chain: null, abi, bytecode, args: [NOBODY] })
      await createWatchedClient(chain.url).waitForTransactionReceipt({ hash })
      await deployContracts(options())
      const nonces = (await readAddressFile(file)).steps.map(({ nonce }) => nonce)
      expect(nonces).toEqual([0, 1, 2, 3].map((nonce) => (nonce < number - 1 ? nonce : nonce + 1)))
    })

    it('with a file that another run is ahead of, takes over what that has done', async () => {
      let older = ''
      let sends = 0
      const watch: Watch = (operation, moment) => {
        if (operation === 'replace' && moment === 'after' && older === '') older = readFileSync(file, 'utf8')
        if (operation === 'eth_sendRawTransaction' && moment === 'after') sends++
        if (sends > 1) throw new Killed('killed after the second transaction')
      }
      await expect(deployContracts(options(watch))).rejects.toThrow()
      expect(parseAddressFile(older, file).steps.map(({ state }) => state)).toEqual(['done'])
      await writeFile(file, older)
      await deployContracts(options())
      await expectOneOfEach(4)
    })

    it('leaves a transaction alone that the wallet has sent for something else meanwhile', async () => {
      const isRecorded = (operation: string, moment: string) => operation === 'replace' && moment === 'after'
      await expect(deployContracts(options(killAt(1, isRecorded)))).rejects.toThrow()
      await callChain(chain.url, 'evm_setAutomine', [false])
      const wallet = createWalletClient({ account: accountOf(chain, 0), transport: http(chain.url) })
      const { baseFeePerGas } = await createWatchedClient(chain.url).getBlock()
      const fees = { maxFeePerGas: (baseFeePerGas ?? 0n) + 1n, maxPriorityFeePerGas: 1n }
      const hash = await wallet.sendTransaction({ chain: null, to: manager, value: 1n, ...fees })
      let looks = 0
      const work = deployContracts(options((operation) => void (operation === 'eth_blockNumber' && looks++)))
      await vi.waitFor(() => expect(looks).toBeGreaterThan(8))
      await mineUntil(work)
      expect(await callChain(chain.url, 'eth_getTransactionReceipt', [hash])).toMatchObject({ status: '0x1' })
      await expectOneOfEach(5)
    })

    it('goes on where somebody else has taken steps of it, and left a gap in the nonces', async () => {
      // The wallet itself makes another one manager, and that adds both keys: two steps are done with one nonce used.
      const isFourthDone = (operation: string, moment: string) => operation === 'replace' && moment === 'after'
      await expect(deployContracts(everything(killAt(7, isFourthDone)))).rejects.toThrow()
      const { contracts } = await readAddressFile(file)
      for (const [sender, key, purpose] of [
        [0, accountOf(chain, 9).address, 1n],
        [9, signer, 3n],
        [9, manager, 1n],
      ] as const) {
        const wallet = createWalletClient({ account: accountOf(chain, sender), transport: http(chain.url) })
        const args = [toKey(key), purpose, 1n] as const
        const address = contracts.claimIssuer ?? manager
        const hash = await wallet.writeContract({ chain: null, address, abi: CONTRACTS, functionName: 'addKey', args })
        await createWatchedClient(chain.url).waitForTransactionReceipt({ hash })
      }
      expect((await deployContracts(everything())).sent).toBe(5)
      await expectOneOfEach(10)
    })
  })

  it('begun by two at once, makes one of each contract', async () => {
    const results = await Promise.allSettled([deployContracts(everything()), deployContracts(everything())])
    expect(results.some(({ status }) => status === 'fulfilled')).toBe(true)
    for (const result of results) {
      if (result.status === 'rejected') expect(String(result.reason)).toContain('Another run has begun')
    }
    await expectOneOfEach(11)
  })

  it('sends nothing where another run has begun the file in the last moment', async () => {
    const watch: Watch = (operation, moment) => {
      if (operation === 'create' && moment === 'before') writeFileSync(file, 'of another run')
    }
    await expect(deployContracts(options(watch))).rejects.toThrow(`Another run has begun ${file}`)
    expect(await readFile(file, 'utf8')).toBe('of another run')
    expect(await listContracts(createWatchedClient(chain.url), accountOf(chain, 0).address)).toEqual([])
  })

  it('waits for as many confirmations as are asked for, and goes on when they have come', async () => {
    const patient = { ...options(), confirmations: 3 }
    await expect(deployContracts({ ...patient, timeoutMs: 150 })).rejects.toMatchObject({ code: 'chain_unconfirmed' })
    expect((await readAddressFile(file)).contracts).toEqual({})
    await callChain(chain.url, 'evm_mine')
    await expect(deployContracts({ ...patient, timeoutMs: 150 })).rejects.toMatchObject({ code: 'chain_unconfirmed' })
    await callChain(chain.url, 'evm_mine')
    await expect(deployContracts({ ...patient, timeoutMs: 150 })).rejects.toMatchObject({ code: 'chain_unconfirmed' })
    expect(Object.keys((await readAddressFile(file)).contracts)).toEqual(['identityImplementation'])
    await mineUntil(deployContracts(patient))
    await expectOneOfEach(4)
  })

  describe('refuses, and says why:', () => {
    const DIFFERENT: Record<string, Partial<DeployOptions>> = {
      manager: { manager: '0x000000000000000000000000000000000000dEaD' },
      signer: { signer: '0x000000000000000000000000000000000000dEaD' },
      topic: { topic: 8n },
      registry: { registry: false },
    }

    it.each(Object.keys(DIFFERENT))('a file of another %s', async (name) => {
      await deployContracts(everything())
      const before = await readFile(file, 'utf8')
      await expect(deployContracts({ ...everything(), ...DIFFERENT[name] })).rejects.toMatchObject({
        name: 'ConfigurationError',
        message: expect.stringMatching(new RegExp(`is of another deployment: .*${name} is .* there and .* here`)),
      })
      expect(await readFile(file, 'utf8')).toBe(before)
    })

    it('a file of another chain, and of another deployer', async () => {
      await deployContracts(options())
      const other = await startLocalChain({ chainId: 1001 })
      try {
        const client = createWatchedClient(other.url)
        await expect(deployContracts({ ...options(), client })).rejects.toThrow('chainId is 31337 there and 1001 here')
        expect(await callChain(other.url, 'eth_blockNumber')).toBe('0x0')
      } finally {
        await other.stop()
      }
      const account = accountOf(chain, 3)
      await expect(deployContracts({ ...options(), account })).rejects.toThrow(`and ${account.address} here`)
    })

    it('another chain than the one that is asked for', async () => {
      await expect(deployContracts({ ...options(), chainId: 1 })).rejects.toMatchObject({
        code: 'chain_mismatch',
        message: expect.stringContaining('serves the chain 31337, not 1'),
      })
    })

    it('a file of something else', async () => {
      for (const text of ['', '[]', '{"version":2}', '{"version":1,"chainId":31337}']) {
        await writeFile(file, text)
        await expect(deployContracts(options())).rejects.toThrow(`${file} is no address file`)
      }
    })

    it('a file of other versions of the contracts', async () => {
      await deployContracts(options())
      await writeFile(file, (await readFile(file, 'utf8')).replace('2.2.1', '2.0.0'))
      await expect(deployContracts(options())).rejects.toThrow('npm install --save-dev @onchain-id/solidity@2.0.0')
    })

    it('a chain that was set back', async () => {
      await deployContracts(options())
      await callChain(chain.url, 'evm_revert', [snapshot])
      snapshot = await callChain(chain.url, 'evm_snapshot')
      await expect(deployContracts(options())).rejects.toMatchObject({
        code: 'chain_mismatch',
        message: expect.stringMatching(/does not show what .* says of 0x\w{40}: Deploy the code of identities/),
      })
    })

    it('a contract that was changed by hand', async () => {
      const { claimIssuer } = await deployContracts({ ...options(), signer })
      const wallet = createWalletClient({ account: accountOf(chain, 0), transport: http(chain.url) })
      const args = [toKey(signer), 3n] as const
      await wallet.writeContract({ chain: null, address: claimIssuer, abi: CONTRACTS, functionName: 'removeKey', args })
      await vi.waitFor(async () => {
        await expect(deployContracts({ ...options(), signer })).rejects.toMatchObject({
          code: 'chain_mismatch',
          message: expect.stringContaining(`Let ${signer} sign claims`),
        })
      })
    })

    it('an address with other code than the file says', async () => {
      const { identityFactory, claimIssuer } = await deployContracts(options())
      const code = String(await callChain(chain.url, 'eth_getCode', [identityFactory, 'latest']))
      const swapped = code.replace(/60806040/, '60806041')
      await callChain(chain.url, 'anvil_setCode', [identityFactory, swapped])
      await expect(deployContracts(options())).rejects.toThrow('Deploy the factory of identities')
      await callChain(chain.url, 'anvil_setCode', [identityFactory, code])
      await deployContracts(options())
      await callChain(chain.url, 'anvil_setCode', [claimIssuer, '0x'])
      await expect(deployContracts(options())).rejects.toThrow('Deploy the claim issuer')
    })

    it('a wallet without funds, before there is a file', async () => {
      const account = privateKeyToAccount(`0x${'5a'.repeat(32)}`)
      await expect(deployContracts({ ...options(), account })).rejects.toMatchObject({
        code: 'chain_funds_missing',
        message: expect.stringMatching(new RegExp(`${account.address} cannot pay .* at most 0\\.\\d+ of`)),
      })
      await expect(stat(file)).rejects.toThrow('ENOENT')
    })

    it('an RPC endpoint that does not answer, without the URL', async () => {
      const failure = await deployContracts({
        ...options(),
        client: createWatchedClient('http://127.0.0.1:1/key-canary'),
      }).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'chain_unreachable' })
      expect(inspect(failure, { depth: 9 })).not.toContain('key-canary')
    })

    it('a directory that cannot be written to, before it sends anything', async () => {
      const path = join(directory, 'nowhere', 'file.json')
      await expect(deployContracts({ ...options(), file: path })).rejects.toMatchObject({
        name: 'ConfigurationError',
        message: expect.stringContaining(`${path} cannot be written (ENOENT)`),
      })
      expect(await listContracts(createWatchedClient(chain.url), accountOf(chain, 0).address)).toEqual([])
    })

    it.each([
      [{ topic: 0n }, 'topic'],
      [{ topic: 2n ** 256n }, 'topic'],
      [{ manager: '0x1234' as Address }, 'manager'],
      [{ signer: '0x0000000000000000000000000000000000000000' as Address }, 'signer'],
      [{ confirmations: 0 }, 'confirmations'],
      [{ confirmations: 1.5 }, 'confirmations'],
      [{ timeoutMs: 0 }, 'timeoutMs'],
    ])('%o', async (option, name) => {
      await expect(deployContracts({ ...options(), ...option })).rejects.toMatchObject({
        name: 'ConfigurationError',
        message: expect.stringContaining(name),
      })
    })
  })

  it('names the file by the chain where none is named, in the working directory', async () => {
    const work = await mkdtemp(join(directory, 'work-'))
    await chmod(work, 0o755)
    const { path } = await deployContracts({ ...options(), file: undefined, directory: work })
    expect(path).toBe(join(work, 'persona-kyc-claims.31337.json'))
    expect(await readdir(work)).toEqual(['persona-kyc-claims.31337.json'])
  })
})
