import {
  createBearerAuthorize,
  createKycEngine,
  createKycHandler,
  createMemoryStorage,
  type KycCase,
  type KycStorage,
} from '@persona-kyc/core'
import {
  type Abi,
  type Address,
  createPublicClient,
  createWalletClient,
  custom,
  decodeFunctionData,
  encodeFunctionData,
  type Hex,
  type PrivateKeyAccount,
  parseTransaction,
  type TransactionSerializable,
} from 'viem'
import { toAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { type ClaimIssuerOptions, createClaimIssuer } from '../../src/claim-issuer.js'
import type { ClaimSource } from '../../src/claim-source.js'
import { createFeedSource } from '../../src/feed-source.js'
import { createHttpSource } from '../../src/http-source.js'
import type { IdentityServiceOptions } from '../../src/identity-service.js'
import { deployIdentity, startTestChain, type TestChain } from '../local-chain.js'
import { IDENTITY, ISSUER, type PlainClaim, toEncodings } from '../plain-calls.js'
import { expectTruth } from './oracle.js'
import { TOPIC, toCaseId } from './people.js'
import { type Process, type RpcRequest, startProcess } from './process.js'
import * as worlds from './world.js'

/** The selectors of what is sent, from the contracts' own descriptions. */
export const ADD_CLAIM = '0xb1a34e0d'
export const REMOVE = '0x4eee424a'
export const REVOKE = '0x9f7f9edd'
export const CREATE = '0xfe5cd59a'

/** How a source learns of changes. */
export type SourceKind = 'feed' | 'http'

/** A world on a chain of its own, and what tests ask of it. Both are new in each test. */
export interface Stage {
  readonly chain: TestChain
  readonly storage: KycStorage
  readonly world: worlds.World
  /** Starts a process that runs the Identity Service with these options. */
  start(options?: Partial<IdentityServiceOptions>): Process
  /** Ends all processes, wherever they are. */
  kill(): void
  /** Puts an empty storage in the place of this one: what was sent is remembered by the test only. */
  loseStorage(): Promise<void>
  createIssuer(
    options?: Partial<Pick<ClaimIssuerOptions, 'signer' | 'topic'>> & { account?: PrivateKeyAccount },
  ): ReturnType<typeof createClaimIssuer>
  createSource(kind: SourceKind): ClaimSource
  /** An identity that the holder manages, and these accounts may give claims to. */
  createIdentity(holder: PrivateKeyAccount, writers?: readonly Address[]): Promise<Address>
  /** Has somebody send a transaction, which waits for a block. */
  send(account: PrivateKeyAccount, call: Call): Promise<Hex>
  readCase(index: number): Promise<KycCase>
  hasClaim(index: number): () => Promise<boolean>
  hasNone(index: number): () => Promise<boolean>
  readWork(index: number): Promise<Awaited<ReturnType<KycStorage['listDueClaims']>>[number] | undefined>
  isSettled(index: number): () => Promise<boolean>
  listOpen(): ReturnType<KycStorage['listOpenTransactions']>
  toKinds(): string[]
  /** What was sent, as it was signed, with calls of that kind only where a selector is given. */
  sendings(selector?: string): TransactionSerializable[]
  /** The nonces that were ever given to transactions with that call. */
  noncesOf(selector: string): number[]
  /** The claims that were sent. */
  sentClaims(): PlainClaim[]
  expectRevoked(claim: PlainClaim): Promise<void>
  /** Lets the world come to rest, and compares it with what it should be. */
  truth(): Promise<void>
}

/** A call of a contract, and how much more than others its sender pays. */
interface Call {
  readonly to: Address
  readonly abi: Abi
  readonly functionName: string
  readonly args: readonly unknown[]
  readonly fees?: { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
}

type Ask = (request: RpcRequest) => Promise<unknown>

/** Sets up a stage for the tests of the describe block in which this is called. */
export function setUpStage(): Stage {
  let chain: TestChain
  let snapshot: Hex
  let world: worlds.World

  beforeAll(async () => {
    chain = await startTestChain()
    await chain.test.setAutomine(false)
  })
  afterAll(() => chain.local.stop())
  beforeEach(async () => {
    snapshot = await chain.test.snapshot()
    world = await worlds.createWorld({ chain, storage: createMemoryStorage(), log: [] })
  })
  afterEach(async () => {
    worlds.end(world)
    await chain.test.revert({ id: snapshot })
    await worlds.forget(world)
  })

  const readCase = async (index: number) => {
    const kycCase = await world.storage.getCase(toCaseId(index))
    if (kycCase === null) throw new Error('There is no such case.')
    return kycCase
  }
  const readWork = async (index: number) => {
    const far = new Date(world.scheduler.now() + 10 ** 9)
    const due = await world.storage.listDueClaims({ now: far, limit: 100 })
    return due.find(({ request }) => request.caseId === toCaseId(index))
  }
  const sendings = (selector = '0x') =>
    [...world.sent].map((raw) => parseTransaction(raw)).filter(({ data = '0x' }) => data.startsWith(selector))
  const send = (account: PrivateKeyAccount, { to, fees, ...call }: Call) =>
    chain.wallet.sendTransaction({
      ...{ to, account, chain: chain.wallet.chain ?? null, gas: 600_000n, data: encodeFunctionData(call) },
      ...fees,
    })

  return {
    get chain() {
      return chain
    },
    get storage() {
      return world.storage
    },
    get world() {
      return world
    },
    start(options = {}) {
      const process = startProcess(world, options)
      world.processes.push(process)
      return process
    },
    kill() {
      for (const process of world.processes.splice(0)) {
        process.isDead = true
        process.stop.abort()
      }
    },
    async loseStorage() {
      const { sent, alarms } = world
      world = Object.assign(await worlds.createWorld({ chain, storage: createMemoryStorage(), log: [] }), {
        sent,
        alarms,
      })
    },
    createIssuer({ account = chain.owner, topic = TOPIC, signer = chain.owner } = {}) {
      const ask = chain.client.request as unknown as Ask
      const request = (call: RpcRequest) => {
        if (call.method === 'eth_sendRawTransaction') world.sent.add(call.params?.[0] as Hex)
        return world.scheduler.outside(() => ask(call))
      }
      const clients = { chain: chain.client.chain, transport: custom({ request }, { retryCount: 0 }), cacheTime: 0 }
      return createClaimIssuer({
        client: createPublicClient(clients),
        wallet: createWalletClient({ ...clients, account }),
        ...{ issuer: chain.issuer, topic, signer: toAccount(signer as PrivateKeyAccount), confirmations: 13 },
      })
    },
    createSource: (kind) => createSource(world, kind),
    async createIdentity(holder, writers = [chain.owner.address]) {
      await chain.test.setAutomine(true)
      const identity = await deployIdentity(chain, { manager: holder.address })
      for (const writer of writers) await addKey(chain, { to: identity, manager: holder, key: writer, purpose: 3n })
      await chain.test.setAutomine(false)
      return identity
    },
    send,
    readCase,
    hasClaim: (index) => async () => (await readCase(index)).kycClaimId !== null,
    hasNone: (index) => async () => (await readCase(index)).kycClaimId === null,
    readWork,
    isSettled: (index) => async () => (await readWork(index)) === undefined,
    listOpen: () =>
      world.storage.listOpenTransactions({
        chainId: chain.local.chainId,
        sender: chain.owner.address.toLowerCase(),
      }),
    toKinds: () => world.alarms.map(({ kind }) => kind),
    sendings,
    noncesOf: (selector) => [...new Set(sendings(selector).map(({ nonce = 0 }) => nonce))],
    sentClaims: () => sendings(ADD_CLAIM).map(({ to, data }) => toPlainClaim(to as Address, data as Hex)),
    expectRevoked: (claim) => expectRevoked(chain, claim),
    async truth() {
      await worlds.mend(world)
      await expectTruth(world)
    },
  }
}

/** Gives an address a key on an identity or issuer. The chain must mine by itself. */
export async function addKey(
  { client, wallet }: TestChain,
  { to, manager, key, purpose }: { to: Address; manager: PrivateKeyAccount; key: Address; purpose: bigint },
): Promise<void> {
  const { toKey } = await import('../../src/claim.js')
  const call = { address: to, abi: IDENTITY, functionName: 'addKey', args: [toKey(key), purpose, 1n] } as const
  const hash = await wallet.writeContract({ ...call, account: manager, chain: wallet.chain ?? null })
  await client.waitForTransactionReceipt({ hash })
}

/** The claim in the calldata of an `addClaim`. */
export function toPlainClaim(identity: Address, calldata: Hex): PlainClaim {
  const call = decodeFunctionData({ abi: IDENTITY, data: calldata })
  if (call.functionName !== 'addClaim') throw new Error('It gives no claim to anybody.')
  const [topic, , issuer, signature, data, uri] = call.args
  return { identity, topic, issuer, signature, data, uri }
}

/** No encoding of the claim's signature is valid, and the contract has each of them on its list. */
async function expectRevoked({ client }: TestChain, { identity, issuer, topic, signature, data }: PlainClaim) {
  for (const encoding of toEncodings(signature)) {
    const contract = { address: issuer, abi: ISSUER } as const
    const args = [identity, topic, encoding, data] as const
    expect(await client.readContract({ ...contract, functionName: 'isClaimValid', args })).toBe(false)
    expect(await client.readContract({ ...contract, functionName: 'isClaimRevoked', args: [encoding] })).toBe(true)
  }
}

const TOKEN = 'planted-claim-token-0123456789'

function createSource({ storage, scheduler }: worlds.World, kind: SourceKind): ClaimSource {
  const sleep = (ms: number) => scheduler.sleep(ms)
  const engine = createKycEngine({
    ...{ persona: {} as never, storage, templateId: 'itmpl_1', webhookSecrets: 'wbhsec_simulated' },
    ...{ now: scheduler.now, sleep, logger: { debug() {}, info() {}, warn() {}, error() {} } },
  })
  if (kind === 'feed') return createFeedSource({ engine, follow: { leaseMs: 10_000, pollMs: 1000 } })
  const authorize = createBearerAuthorize({ tokens: 'planted-admin-token-0123456789', claimTokens: TOKEN })
  const handler = createKycHandler({ engine, authorize })
  return createHttpSource({
    ...{ baseUrl: 'https://kyc.example', token: TOKEN, pollMs: 1000, recheckMs: 60_000, sleep },
    fetch: (input, init) => scheduler.outside(() => handler.fetch(new Request(input, init))),
  })
}
