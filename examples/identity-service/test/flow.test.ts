import { createHash } from 'node:crypto'
import { isLocalChainAvailable } from '@persona-kyc/testing/evm'
import { type Hash, keccak256, stringToHex } from 'viem'
import { describe, expect, it } from 'vitest'
import { createAppDatabase } from '../../../test-setup/app-database.js'
import { CLAIM_TOKEN, startKycService } from './kyc-service.js'
import { ISSUER_KEY, startTestChain } from './test-chain.js'
import { startWorker, WALLETS_MODULE } from './worker-process.js'

const USER = { id: 'user_canary_ada_4711', wallet: '0x1111111111111111111111111111111111111111' } as const
const DETAILS = {
  personal_info: { name_first: 'Canary-Ada', birthdate: '1990-01-31' },
  document_data: { number: 'X-CANARY-4711' },
}
const PERSONAL = [USER.id, 'Canary-Ada', '1990-01-31', 'X-CANARY-4711']

describe.skipIf(!isLocalChainAvailable())(
  'the road from the request to the chain (skipped where @foundry-rs/anvil has no program)',
  () => {
    it.concurrent.for(['the feed of the database', 'HTTP, with the token of the Identity Service'])(
      'ends in a claim, its end, and another claim, with nothing personal in public, by %s',
      { timeout: 120_000 },
      async (source, { onTestFinished }) => {
        const chain = await startTestChain()
        onTestFinished(chain.close)
        const { client, ...reader } = chain.reader
        const kyc = await startKycService()
        onTestFinished(kyc.close)
        const own = await createAppDatabase()
        onTestFinished(() => own.drop())
        const worker = startWorker({
          ...chain.environment,
          USER_WALLETS_MODULE: WALLETS_MODULE,
          WALLETS_DATABASE_URL: kyc.databaseUrl,
          ...(source.startsWith('HTTP')
            ? { ...own.environment, KYC_API_URL: kyc.url, KYC_API_TOKEN: CLAIM_TOKEN, KYC_API_POLL_SECONDS: '1' }
            : kyc.databaseEnvironment),
        })
        onTestFinished(() => void worker.stop('SIGKILL'))

        const caseId = await kyc.initiate(USER, DETAILS)
        await kyc.simulate(caseId, 'start_inquiry', 'complete_inquiry')
        const verified = await kyc.waitForCase(caseId, (kycCase) => kycCase.kyc_claim_id !== null)
        expect(verified).toMatchObject({ status: 'verified', kyc_claim_id: reader.claimId })
        const identity = await reader.findIdentity(USER.wallet)
        const hash = verified.kyc_claim_tx_hash as Hash
        expect(await reader.listAddedClaims()).toEqual([{ hash, identity: identity.toLowerCase() }])
        expect(await client.getTransactionReceipt({ hash })).toMatchObject({ status: 'success' })
        const claim = await reader.getClaim(identity)
        // As 2.2.1 of ONCHAINID's contracts has it: that is why all of them must be revoked.
        expect(await reader.validate(claim)).toEqual([true, true, true, true])

        await kyc.simulate(caseId, 'decline_inquiry')
        const declined = await kyc.waitForCase(caseId, (kycCase) => kycCase.kyc_claim_id === null)
        expect(declined).toMatchObject({ status: 'rejected', kyc_claim_tx_hash: null })
        expect(await reader.validate(claim)).toEqual([false, false, false, false])
        expect(await reader.getClaim(identity)).toMatchObject({ signature: '0x' })

        await kyc.simulate(caseId, 'approve_inquiry')
        const approved = await kyc.waitForCase(caseId, (kycCase) => kycCase.kyc_claim_id !== null)
        expect(approved).toMatchObject({ status: 'verified', kyc_claim_id: reader.claimId })
        expect(await reader.listAddedClaims()).toMatchObject([{ hash }, { hash: approved.kyc_claim_tx_hash }])
        const again = await reader.getClaim(identity)
        expect(again.signature).not.toBe(claim.signature)
        expect(await reader.validate(again)).toEqual([true, true, true, true])
        expect(await reader.validate(claim)).toEqual([false, false, false, false])

        expect(await worker.stop('SIGTERM')).toBe(0)
        const bytes = (await reader.listPublicBytes()).join('\n').toLowerCase()
        expect(find([...PERSONAL, caseId].flatMap(toTraces), bytes)).toEqual([])
        const log = `${worker.output()}\n${kyc.log()}`
        expect(find([...PERSONAL.flatMap(toTraces), ...PERSONAL, ISSUER_KEY.slice(2), CLAIM_TOKEN], log)).toEqual([])
        // The search itself works: what must be there is found.
        expect(find([identity.slice(2).toLowerCase(), claim.signature.slice(2)], bytes)).toHaveLength(2)
        expect(find([caseId, 'claim issued', 'claim revoked', '"claim_issued":2'], log)).toHaveLength(4)
      },
    )
  },
)

/** How a text could be on a chain: as it is, or as a hash, whole or cut to an address. */
function toTraces(text: string): readonly string[] {
  const plain = stringToHex(text)
  const hashes = [keccak256(plain), `0x${createHash('sha256').update(text).digest('hex')}`]
  const isUuid = /^[0-9a-f-]{36}$/.test(text)
  const all = [plain, ...hashes, ...hashes.map((hash) => hash.slice(0, 42)), ...hashes.map((hash) => hash.slice(-40))]
  return [...all, ...(isUuid ? [text.replaceAll('-', '')] : [])].map((trace) => trace.replace(/^0x/, ''))
}

function find(needles: readonly string[], haystack: string): string[] {
  return needles.filter((needle) => haystack.includes(needle))
}
