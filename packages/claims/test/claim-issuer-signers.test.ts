import { type Address, getAddress, type Hex, type LocalAccount, recoverMessageAddress, slice } from 'viem'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type SignedClaim, toClaimDigest } from '../src/claim.js'
import type { ClaimInput } from '../src/claim-issuer.js'
import { isCanonicalSignature } from '../src/signature-encodings.js'
import { verifyClaim } from '../src/verify-claim.js'
import { toRejection } from './canaries.js'
import {
  CASE,
  createKmsAccount,
  createRandomAccount,
  createTestIssuer,
  SIGNER_HABITS,
  TOPIC,
  VERIFIED_AT,
} from './issuer-fixture.js'
import { deployIdentity, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { addClaim, askEncodings, changeKey, encodeAddClaim, toEncodings } from './plain-calls.js'

describe.skipIf(SKIPPED !== null)(
  `a claim issuer whose keys are elsewhere${SKIPPED === null ? '' : ` (${SKIPPED})`}`,
  () => {
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

    async function expectGood(account: LocalAccount, claim: SignedClaim): Promise<void> {
      expect(isCanonicalSignature(claim.signature)).toBe(true)
      expect(claim.signature).toBe(claim.signature.toLowerCase())
      const message = { raw: toClaimDigest(claim) }
      expect(await recoverMessageAddress({ message, signature: claim.signature })).toBe(account.address)
      const verdict = await verifyClaim(chain.client, { identity, issuer: chain.issuer, topic: TOPIC })
      expect(verdict).toMatchObject({ isValid: true })
    }

    describe.each(Object.entries(SIGNER_HABITS))('that answer with %s', (_, habit) => {
      it('issues a canonical claim that is valid, once, and revokes all of it', async () => {
        const account = createKmsAccount(chain, habit)
        const issuer = createTestIssuer(chain, { account })
        const { claim, txHash } = await issuer.issue(input())
        await expectGood(account, claim)
        const again = createTestIssuer(chain, { account })
        expect(await again.issue(input())).toMatchObject({ claim, txHash })
        expect(again.countSent()).toBe(0)
        expect(await createTestIssuer(chain).sign(input())).toEqual(claim)
        expect(await issuer.revoke(claim)).toHaveLength(4)
        expect(await askEncodings(chain, claim)).toEqual([false, false, false, false])
      })

      it('signs with them, and sends with another key', async () => {
        const signer = createKmsAccount(chain, habit, 2)
        await changeKey(chain, 'addKey', { contract: chain.issuer, holder: signer.address })
        const issuer = createTestIssuer(chain, { signer })
        const { claim } = await issuer.issue(input())
        await expectGood(signer, claim)
        expect([issuer.signer, issuer.sender.address]).toEqual([signer.address, chain.owner.address])
      })
    })

    it('refuses what is no signature of 65 bytes, and sends nothing', async () => {
      for (const habit of [
        (signature: Hex) => slice(signature, 0, 64),
        (signature: Hex) => `${signature}00` as const,
        (signature: Hex) => `${signature.slice(0, -2)}25` as Hex,
        () => '0x' as const,
      ]) {
        const issuer = createTestIssuer(chain, { account: createKmsAccount(chain, habit) })
        expect(await toRejection(issuer.sign(input()))).toMatchObject({ code: 'configuration_invalid' })
        expect(await toRejection(issuer.issue(input()))).toMatchObject({ code: 'configuration_invalid' })
        expect(issuer.countSent()).toBe(0)
      }
    })

    it('sends nothing where the signer fails', async () => {
      const failure = new Error('The KMS is away.')
      const signer = { ...chain.owner, signMessage: () => Promise.reject(failure) }
      const issuer = createTestIssuer(chain, { signer })
      expect(await toRejection(issuer.issue(input()))).toBe(failure)
      expect(issuer.countSent()).toBe(0)
    })

    // The last ones of this file: from here on all keys sign otherwise.
    describe('that sign in another way each time', () => {
      it('issues a valid claim, and sends nothing for the same again', async () => {
        const account = createRandomAccount(chain)
        const [first, second] = [createTestIssuer(chain, { account }), createTestIssuer(chain, { account })]
        const issued = await first.issue(input())
        await expectGood(account, issued.claim)
        expect((await second.sign(input())).signature).not.toBe(issued.claim.signature)
        expect(await second.issue(input())).toEqual(issued)
        expect(second.countSent()).toBe(0)
      })

      it('gives back the claim that there is where the holder has turned its signature, so that one revocation is enough', async () => {
        const account = createRandomAccount(chain)
        const { claim } = await createTestIssuer(chain, { account }).issue(input())
        await addClaim(chain, { ...claim, signature: toEncodings(claim.signature)[3] })
        const issuer = createTestIssuer(chain, { account })
        expect((await issuer.issue(input())).claim).toEqual(claim)
        await expectGood(account, claim)
        await issuer.revoke(claim)
        expect(await askEncodings(chain, claim)).toEqual([false, false, false, false])
        const verdict = await verifyClaim(chain.client, { identity, issuer: chain.issuer, topic: TOPIC })
        expect(verdict).toEqual({ isValid: false, fault: 'invalid' })
      })

      it('takes no claim of the holder’s own making for its own', async () => {
        const account = createRandomAccount(chain)
        const claim = await createTestIssuer(chain, { account }).sign(input())
        const forged = await chain.account(3).signMessage({ message: { raw: toClaimDigest(claim) } })
        const issuer = createTestIssuer(chain, {
          account,
          // An identity that shows a signature of its holder's.
          intercept: ({ method, params: [call] }) =>
            method === 'eth_call' && (call as { to: string }).to === identity && isGetClaim(call)
              ? encodeShown({ ...claim, signature: forged })
              : undefined,
        })
        const { claim: issued } = await issuer.issue(input())
        expect(issued.signature).not.toBe(forged)
        await expectGood(account, issued)
        expect(issuer.countSent()).toBe(1)
      })
    })
  },
)

const GET_CLAIM = '0xc9100bcb'

function isGetClaim(call: unknown): boolean {
  return (call as { data: string }).data.startsWith(GET_CLAIM)
}

/** What getClaim answers: the arguments of addClaim, in the same order and layout. */
function encodeShown(claim: SignedClaim): Hex {
  expect(getAddress(claim.issuer)).toBe(claim.issuer)
  return `0x${encodeAddClaim(claim).slice(10)}`
}
