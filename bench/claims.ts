import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import {
  type ClaimIssuer,
  type ContractCall,
  createClaimIssuer,
  createFeedSource,
  createIdentityFactory,
  runIdentityService,
  toAddClaimCall,
} from '@persona-kyc/claims'
import { deployContracts } from '@persona-kyc/claims/deploy'
import { createKycEngine, type KycStorage } from '@persona-kyc/core'
import { createKnexStorage, migrate } from '@persona-kyc/storage-knex'
import { startLocalChain } from '@persona-kyc/testing/evm'
import { startPostgres } from '@persona-kyc/testing/postgres'
import createKnex from 'knex'
import { type Address, createPublicClient, createWalletClient, http, type PublicClient, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { Benchmark, RunningBenchmark } from './benchmark.js'

/** How many claims a round issues. */
const CLAIMS = 600
/** How many transactions are under way at once, on either side. */
const OPEN = 256
const FEES = { maxFeePerGas: 20_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n }

/** Claims per second of the Identity Service, against transactions per second of the same node with the same calls. */
export const claimBenchmarks: readonly Benchmark[] = [
  { name: 'claims, on a chain with a block of 30,000,000 gas each second', bound: 0.8, start },
]

interface Stage {
  readonly client: PublicClient
  readonly issuerOf: (topic: bigint) => ClaimIssuer
  readonly storage: KycStorage
  readonly identities: readonly Address[]
}

async function start(log: (line: string) => void): Promise<RunningBenchmark> {
  const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-bench-'))
  const local = await startLocalChain({ gasLimit: 30_000_000n, blockTimeSeconds: 1 })
  const postgres = await startPostgres()
  const knex = createKnex({ client: 'pg', connection: postgres.url, pool: { min: 0, max: 10 } })
  await migrate({ knex })
  const transport = http(local.url, { batch: { batchSize: 100 }, retryCount: 0 })
  const client = createPublicClient({
    transport,
    cacheTime: 0,
    pollingInterval: 50,
    batch: { multicall: { deployless: true } },
  })
  const account = privateKeyToAccount(local.accounts[0]?.privateKey ?? '0x')
  log('deploying the contracts')
  const { claimIssuer: issuer, identityFactory } = await deployContracts({
    client,
    account,
    file: join(directory, 'addresses.json'),
  })
  const wallet = createWalletClient({ account, transport })
  const issuerOf = (topic: bigint) => createClaimIssuer({ client, wallet, issuer, topic, confirmations: 1 })
  log(`creating ${CLAIMS} identities`)
  const stage = {
    client,
    issuerOf,
    storage: createKnexStorage({ knex }),
    identities: await createIdentities(issuerOf(1n), identityFactory),
  }
  return {
    async measure(round) {
      await resetBaseFee(client)
      const theirs = await measureTransactions(stage, BigInt(2 * round))
      await resetBaseFee(client)
      return { theirs, ours: await measureService(stage, BigInt(2 * round + 1)) }
    },
    async stop() {
      await knex.destroy()
      await postgres.stop()
      await local.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Full blocks raise the base fee by an eighth each: after some rounds nobody could pay it. */
async function resetBaseFee({ request }: PublicClient): Promise<void> {
  const ask = request as unknown as (call: { method: string; params: unknown[] }) => Promise<unknown>
  await ask({ method: 'anvil_setNextBlockBaseFeePerGas', params: [toHex(1_000_000_000n)] })
}

async function createIdentities(issuer: ClaimIssuer, factory: Address): Promise<Address[]> {
  const identities = createIdentityFactory({ client: issuer.client, factory, owner: issuer.sender.address })
  const wallets = Array.from({ length: CLAIMS }, (_, index) => toHex(0xbe4c_0000 + index, { size: 20 }))
  const calls = await Promise.all(wallets.map((wallet) => identities.toCreateCall(wallet)))
  await sendAll(issuer, calls, 700_000n)
  const found = await Promise.all(wallets.map((wallet) => identities.find(wallet)))
  return found.filter((identity) => identity !== null)
}

/** The node's own rate: the same calls, signed and sent as fast as it takes them, by a program that does nothing else. */
async function measureTransactions({ issuerOf, identities }: Stage, topic: bigint): Promise<number> {
  const issuer = issuerOf(topic)
  const input = { verifiedAt: new Date(), caseId: 'case' }
  const calls: ContractCall[] = []
  for (const identity of identities) calls.push(toAddClaimCall(await issuer.sign({ identity, ...input })))
  const startedAt = performance.now()
  await sendAll(issuer, calls, 600_000n)
  return toRate(startedAt)
}

async function sendAll({ client, sender }: ClaimIssuer, calls: readonly ContractCall[], gas: bigint): Promise<void> {
  const { address } = sender
  const [chainId, first] = await Promise.all([client.getChainId(), client.getTransactionCount({ address })])
  const sent: Promise<unknown>[] = []
  for (const [index, call] of calls.entries()) {
    const nonce = first + index
    const serializedTransaction = await sender.signTransaction({
      ...call,
      ...FEES,
      chainId,
      nonce,
      gas,
      type: 'eip1559',
    })
    sent.push(client.sendRawTransaction({ serializedTransaction }))
    if (index % 32 === 31) await untilMined(client, address, nonce + 1 - OPEN)
  }
  await Promise.all(sent)
  await untilMined(client, address, first + calls.length)
}

async function untilMined(client: PublicClient, address: Address, count: number): Promise<void> {
  while ((await client.getTransactionCount({ address })) < count)
    await new Promise((resolve) => setTimeout(resolve, 20))
}

/** The service's rate: from the moment that the cases are verified until each has its reference. */
async function measureService({ issuerOf, storage, identities }: Stage, topic: bigint): Promise<number> {
  const identityOf = new Map(identities.map((identity, index) => [`${topic}-${index}`, identity]))
  for (const caseId of identityOf.keys()) await createCase(storage, caseId)
  const logger = { debug() {}, info() {}, warn: console.warn, error: console.error }
  const persona = {} as Parameters<typeof createKycEngine>[0]['persona']
  const engine = createKycEngine({
    persona,
    storage,
    templateId: 'itmpl_bench',
    webhookSecrets: 'wbhsec_bench',
    logger,
  })
  const stop = new AbortController()
  let issued = 0
  const startedAt = performance.now()
  for (const caseId of identityOf.keys()) await verify(storage, caseId)
  await runIdentityService({
    source: createFeedSource({ engine }),
    store: storage,
    issuer: issuerOf(topic),
    resolveIdentity: ({ caseId }) => ({ identity: identityOf.get(caseId) ?? '0x' }),
    onMetric: ({ name }) => {
      if (name === 'claim_issued') issued += 1
      if (issued === identityOf.size) stop.abort()
    },
    ...{ maxOpenTransactions: OPEN, pollMs: 100, signal: stop.signal, logger },
  })
  return toRate(startedAt)
}

async function createCase(storage: KycStorage, id: string): Promise<void> {
  const now = new Date()
  const nothing = { sealedPersonalData: null, idempotencyKey: null, documentType: 'passport' }
  await storage.createCase({ id, userId: id, createdAt: now, initiatingUntil: now, ...nothing })
  const inquiry = { inquiryId: id, replaces: null, personaStatus: 'created', sealedSessionToken: null, now }
  await storage.attachInquiry(id, inquiry)
}

async function verify(storage: KycStorage, id: string): Promise<void> {
  const now = new Date()
  await storage.recordEvent({
    ...{
      id,
      name: 'inquiry.approved',
      inquiryId: id,
      referenceId: null,
      createdAt: now,
      receivedAt: now,
      delivery: null,
    },
    effect: { personaStatus: 'approved', status: 'verified', score: 1, occurredAt: now, rank: 6 },
  })
}

function toRate(startedAt: number): number {
  return CLAIMS / ((performance.now() - startedAt) / 1000)
}
