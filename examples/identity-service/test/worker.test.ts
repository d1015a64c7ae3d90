import { isLocalChainAvailable } from '@persona-kyc/testing/evm'
import { createTestClient, type Hash, http, pad, toHex } from 'viem'
import { describe, expect, it, type TestContext, vi } from 'vitest'
import { isAddClaim } from './chain-reader.js'
import { type KycService, startKycService, type User } from './kyc-service.js'
import { ISSUER_KEY, startTestChain } from './test-chain.js'
import { startWorker, WALLETS_MODULE } from './worker-process.js'

const CASES = 20
const NAME = 'npm run start:identity (skipped where @foundry-rs/anvil has no program)'

describe.skipIf(!isLocalChainAvailable())(NAME, { timeout: 120_000 }, () => {
  it.concurrent('adds one claim where it was killed between sending and confirming it', async (context) => {
    const { chain, kyc, environment, start } = await openStage(context)
    const miner = createTestClient({ mode: 'anvil', transport: http(chain.url) })
    const user = toUser(0)
    // So that the claim is the first thing to be sent.
    await chain.createIdentity(user.wallet)
    await miner.setAutomine(false)
    const victim = start({ ...environment, LEASE_SECONDS: '2' })
    const caseId = await verify(kyc, user)
    const sent = await vi.waitFor(() => findSentClaim(miner), { timeout: 60_000, interval: 50 })
    expect(await victim.stop('SIGKILL')).toBeNull()
    expect(await chain.reader.listAddedClaims()).toEqual([])
    expect((await kyc.api.get(caseId)).kyc_claim_id).toBeNull()

    const heir = start({ ...environment, LEASE_SECONDS: '2' })
    await heir.waitFor(/following the feed/)
    await miner.setAutomine(true)
    await miner.mine({ blocks: 2 })
    const found = await kyc.waitForCase(caseId, ({ kyc_claim_id }) => kyc_claim_id !== null)
    expect(found).toMatchObject({ kyc_claim_id: chain.reader.claimId, kyc_claim_tx_hash: sent })
    expect(await heir.stop('SIGTERM')).toBe(0)
    expect(await chain.reader.listAddedClaims()).toMatchObject([{ hash: sent }])
    expect(victim.output()).not.toContain('claim issued')
  })

  it.concurrent(`adds one claim for each of ${CASES} cases where two work, and one ends in the middle`, async (context) => {
    const { chain, kyc, environment, start } = await openStage(context)
    const caseIds = await Promise.all(Array.from({ length: CASES }, (_, index) => verify(kyc, toUser(index))))
    const { ISSUER_PRIVATE_KEY: KMS_KEY = '', ...keyless } = environment
    const workers = [
      // The first endpoint is away, the second stands in for it, and the witness agrees.
      start({ ...environment, RPC_URL: `http://127.0.0.1:1 ${chain.url}`, WITNESS_RPC_URLS: chain.url }),
      start({ ...keyless, KMS_KEY, ISSUER_ACCOUNT_MODULE: 'examples/identity-service/test/kms-account.ts' }),
    ]
    const first = await Promise.race(workers.map((worker) => worker.waitFor(/"transaction sent"/).then(() => worker)))
    expect(await first.stop('SIGTERM')).toBe(0)
    const cases = await Promise.all(caseIds.map((id) => kyc.waitForCase(id, (found) => found.kyc_claim_id !== null)))
    expect(await Promise.all(workers.map((worker) => worker.stop('SIGINT')))).toEqual([0, 0])

    const added = await chain.reader.listAddedClaims()
    expect(added.map(({ hash }) => hash).toSorted()).toEqual(cases.map((found) => found.kyc_claim_tx_hash).toSorted())
    expect(new Set(added.map(({ identity }) => identity)).size).toBe(CASES)
    const output = workers.map((worker) => worker.output()).join('')
    expect(output).not.toContain(ISSUER_KEY.slice(2))
    expect(output).not.toContain('alarm: ')
  })

  it.concurrent('says at the start all that is wrong with contracts, account and modules', async (context) => {
    const { environment, start } = await openStage(context)
    const nobody = toUser(1).wallet
    const refused = [
      start({ ...environment, ISSUER_PRIVATE_KEY: pad('0x1234', { size: 32 }) }),
      start({ ...environment, CLAIM_ISSUER_ADDRESS: nobody, IDENTITY_FACTORY_ADDRESS: nobody }),
      start({ ...environment, CHAIN_ID: '1' }),
      start({ ...environment, USER_WALLETS_MODULE: 'no-such-module.mjs' }),
    ]
    expect(await Promise.all(refused.map(({ ended }) => ended))).toEqual([1, 1, 1, 1])
    const [ofStranger, ofNobody, ofOtherChain, ofNoModule] = refused.map((worker) => worker.output())
    expect(ofStranger).toMatch(/no key of 0x\w+ to sign claims.*no key of 0x\w+ to revoke claims.*factory belongs to/s)
    expect(ofNobody).toMatch(/there is no claim issuer at 0x.*there is no factory at 0x/s)
    expect(ofOtherChain).toMatch(/another chain/)
    expect(ofNoModule).toMatch(/USER_WALLETS_MODULE: the module cannot be loaded \(ERR_MODULE_NOT_FOUND\)/)
  })
})

/** A chain, a KYC service, and workers that are told of both and end with the test. */
async function openStage({ onTestFinished }: TestContext) {
  const chain = await startTestChain()
  onTestFinished(chain.close)
  const kyc = await startKycService()
  onTestFinished(kyc.close)
  const environment: Record<string, string> = {
    ...chain.environment,
    ...kyc.databaseEnvironment,
    USER_WALLETS_MODULE: WALLETS_MODULE,
  }
  return {
    chain,
    kyc,
    environment,
    start(variables: Record<string, string>) {
      const worker = startWorker(variables)
      onTestFinished(() => void worker.stop('SIGKILL'))
      return worker
    },
  }
}

function toUser(index: number): User {
  return { id: `user_${index}`, wallet: pad(toHex(0xabc000 + index), { dir: 'right', size: 20 }) }
}

async function verify(kyc: KycService, user: User): Promise<string> {
  const caseId = await kyc.initiate(user)
  await kyc.simulate(caseId, 'start_inquiry', 'complete_inquiry')
  await kyc.waitForCase(caseId, ({ status }) => status === 'verified')
  return caseId
}

/** Resolves with the hash of the transaction that adds a claim and is in no block yet. Rejects while there is none. */
async function findSentClaim(miner: ReturnType<typeof createTestClient>): Promise<Hash> {
  const { pending } = await miner.getTxpoolContent()
  const transactions = Object.values(pending).flatMap((byNonce) => Object.values(byNonce))
  const found = transactions.find(({ input }) => isAddClaim(input))
  if (found === undefined) throw new Error('Nobody has sent a claim.')
  return found.hash
}
