import { type Address, encodeAbiParameters, type Hex, numberToHex, parseAbiParameters, toEventSelector } from 'viem'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SignedClaim } from '../src/claim.js'
import type { ClaimInput } from '../src/claim-issuer.js'
import { findIssuance, findShown } from '../src/find-issuance.js'
import { toRejection } from './canaries.js'
import { CASE, createClients, createTestIssuer, TOPIC, VERIFIED_AT } from './issuer-fixture.js'
import { deployIdentity, deployIssuer, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { addClaim, deployContract, toEncodings } from './plain-calls.js'

const CLAIM_ADDED = toEventSelector('ClaimAdded(bytes32,uint256,uint256,address,bytes,bytes,string)')

describe.skipIf(SKIPPED !== null)(`a claim on chain${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chain: TestChain
  let identity: Address
  let snapshot: Hex

  beforeAll(async () => {
    chain = await startTestChain()
    identity = await deployIdentity(chain)
  })
  afterAll(() => chain?.local.stop())
  beforeEach(async () => {
    snapshot = await chain.test.snapshot()
  })
  afterEach(() => chain.test.revert({ id: snapshot }))

  const input = (change: Partial<ClaimInput> = {}): ClaimInput => ({
    identity,
    caseId: CASE,
    verifiedAt: VERIFIED_AT,
    ...change,
  })
  const issue = (change: Partial<ClaimInput> = {}) => createTestIssuer(chain).issue(input(change))

  describe('findIssuance', () => {
    const find = async (claim: SignedClaim) => (await findIssuance(chain.client, claim))?.txHash ?? null

    it('finds the transaction of each claim, and the block', async () => {
      const [first, second] = [await issue(), await issue({ generation: 2 })]
      for (const { claim, txHash } of [first, second]) {
        const { blockNumber } = await chain.client.getTransactionReceipt({ hash: txHash })
        expect(await findIssuance(chain.client, claim)).toEqual({ txHash, blockNumber })
      }
    })

    it('finds the newest one where the claim was given again, in whichever encoding', async () => {
      const { claim } = await issue()
      await createTestIssuer(chain).remove(identity)
      const { transactionHash: again } = await addClaim(chain, claim)
      expect(await find(claim)).toBe(again)
      const { transactionHash: turned } = await addClaim(chain, {
        ...claim,
        signature: toEncodings(claim.signature)[2],
      })
      expect(await find(claim)).toBe(turned)
    })

    it('finds none of another issuer, though the rest is the same', async () => {
      const { claim, txHash } = await issue()
      await addClaim(chain, { ...claim, issuer: await deployIssuer(chain) })
      expect(await find(claim)).toBe(txHash)
    })

    it('is null where the claim was never given to its identity', async () => {
      await issue()
      expect(await find(await createTestIssuer(chain).sign(input({ generation: 2 })))).toBeNull()
      expect(await find(await createTestIssuer(chain).sign(input({ identity: chain.factory })))).toBeNull()
    })

    it('finds it far back, and is null where it looks in vain', async () => {
      const { claim, txHash } = await issue()
      const never = await createTestIssuer(chain).sign(input({ generation: 2 }))
      const height = await chain.client.getBlockNumber({ cacheTime: 0 })
      // A chain that is 12,000 blocks longer, all of them empty, behind an endpoint that takes at most 5,000 at a time.
      const { client } = createClients(chain, {
        intercept: ({ method, params }) => {
          if (method === 'eth_blockNumber') return numberToHex(height + 12_000n)
          if (method !== 'eth_getLogs') return undefined
          const { fromBlock, toBlock } = params[0] as { fromBlock: Hex; toBlock: Hex }
          if (BigInt(toBlock) - BigInt(fromBlock) >= 5000n) return Promise.reject(new Error('block range is too wide'))
          return BigInt(fromBlock) > height ? [] : undefined
        },
      })
      expect(await findIssuance(client, claim)).toMatchObject({ txHash })
      expect(await findIssuance(client, never)).toBeNull()
    })

    it('makes nothing of events that cannot be read', async () => {
      const { claim } = await issue()
      const newest = numberToHex(await chain.client.getBlockNumber({ cacheTime: 0 }))
      const { claimId } = createTestIssuer(chain)
      const place = { blockNumber: newest, blockHash: claimId, transactionHash: claimId, transactionIndex: '0x0' }
      const topics = [CLAIM_ADDED, claimId, numberToHex(TOPIC, { size: 32 }), numberToHex(0, { size: 32 })]
      const empty = encodeAbiParameters(parseAbiParameters('uint256, bytes, bytes, string'), [1n, '0x', '0x', ''])
      const logs = [
        [topics, '0x'],
        [topics, `0x${'ff'.repeat(128)}`],
        [topics, empty],
        [topics.slice(0, 1), empty],
        [topics.slice(0, 2), '0x01'],
        [[], '0x'],
      ].map(([given, data]) => ({ ...place, address: identity, logIndex: '0x0', removed: false, topics: given, data }))
      const intercept = ({ method }: { method: string }) => (method === 'eth_getLogs' ? logs : undefined)
      expect(await findIssuance(createClients(chain, { intercept }).client, claim)).toBeNull()
    })

    it('rejects where the chain cannot be asked: that is not the same as none', async () => {
      const { claim } = await issue()
      const intercept = ({ method }: { method: string }) =>
        method === 'eth_getLogs' ? Promise.reject(new Error('query returned more than 10000 results')) : undefined
      const { client } = createClients(chain, { intercept })
      expect(await toRejection(findIssuance(client, claim))).toMatchObject({ code: 'chain_unreachable' })
    })
  })

  describe('findShown', () => {
    const toUnsigned = ({ signature: _, ...claim }: SignedClaim) => claim

    it('finds what the identity shows, in its canonical encoding', async () => {
      const { claim } = await issue()
      expect(await findShown(chain.client, toUnsigned(claim))).toEqual({ claim, isCanonical: true })
      await addClaim(chain, { ...claim, signature: toEncodings(claim.signature)[1] })
      expect(await findShown(chain.client, toUnsigned(claim))).toEqual({ claim, isCanonical: false })
    })

    it('is null for another claim, and for one that is revoked', async () => {
      const { claim } = await issue()
      const other = await createTestIssuer(chain).sign(input({ generation: 2 }))
      expect(await findShown(chain.client, toUnsigned(other))).toBeNull()
      await createTestIssuer(chain).revoke(claim)
      expect(await findShown(chain.client, toUnsigned(claim))).toBeNull()
    })

    it('is null for what an identity shows that is none: no signature, or not the issuer’s', async () => {
      const liar = await deployContract(chain, { file: 'HostileIdentity.sol', name: 'HostileIdentity' })
      const claim = await createTestIssuer(chain).sign(input({ identity: liar.address }))
      const { topic, issuer, data, uri } = claim
      const forged = await chain.account(3).signMessage({ message: 'mine' })
      const show = (signature: Hex, change: object = {}) =>
        liar.send('show', { topic, scheme: 1n, issuer, signature, data, uri, ...change })
      for (const signature of ['0x', '0x1234', `${claim.signature}00`, forged] as const) {
        await show(signature)
        expect(await findShown(chain.client, toUnsigned(claim))).toBeNull()
      }
      for (const change of [{ data: '0x' }, { scheme: 2n }, { topic: TOPIC + 1n }]) {
        await show(claim.signature, change)
        expect(await findShown(chain.client, toUnsigned(claim))).toBeNull()
      }
      await show(claim.signature)
      expect(await findShown(chain.client, toUnsigned(claim))).toEqual({ claim, isCanonical: true })
    })
  })
})
