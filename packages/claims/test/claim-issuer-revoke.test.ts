import { type Address, encodeFunctionData, getAddress, type Hex } from 'viem'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SignedClaim } from '../src/claim.js'
import type { ClaimInput } from '../src/claim-issuer.js'
import { verifyClaim } from '../src/verify-claim.js'
import { toRejection } from './canaries.js'
import {
  CASE,
  createTestIssuer,
  type TestIssuer,
  type TestIssuerOptions,
  TOPIC,
  VERIFIED_AT,
} from './issuer-fixture.js'
import { deployIdentity, deployIssuer, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import {
  addClaim,
  askEncodings,
  askIssuer,
  changeKey,
  deployContract,
  IDENTITY,
  ISSUER,
  sendCall,
  toEncodings,
} from './plain-calls.js'

const VALID = [true, true, true, true]
const INVALID = [false, false, false, false]

describe.skipIf(SKIPPED !== null)(`a claim issuer that revokes${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
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
  const issue = async (options: TestIssuerOptions = {}) => (await createTestIssuer(chain, options).issue(input())).claim
  const verify = async (issuer = chain.issuer) => {
    const verdict = await verifyClaim(chain.client, { identity, issuer, topic: TOPIC })
    return verdict.isValid || verdict.fault
  }
  const revokePlainly = (signature: Hex) =>
    sendCall(chain, {
      to: chain.issuer,
      data: encodeFunctionData({ abi: ISSUER, functionName: 'revokeClaimBySignature', args: [signature] }),
    })

  /** Has the issuer revoke; resolves with how many transactions that took, by the sender's own count. */
  async function countRevocations(issuer: TestIssuer, claim: SignedClaim): Promise<number> {
    const { address } = issuer.sender
    const before = await chain.client.getTransactionCount({ address })
    const hashes = await issuer.revoke(claim)
    const count = (await chain.client.getTransactionCount({ address })) - before
    expect([hashes.length, issuer.countSent()]).toEqual([count, count])
    for (const hash of hashes) {
      expect(await chain.client.getTransactionReceipt({ hash })).toMatchObject({ status: 'success' })
    }
    return count
  }

  describe('on ONCHAINID 2.2.1', () => {
    it('revokes all four encodings, with a transaction for each', async () => {
      const claim = await issue()
      expect(await askEncodings(chain, claim)).toEqual(VALID)
      expect(await countRevocations(createTestIssuer(chain), claim)).toBe(4)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
      expect(await verify()).toBe('invalid')
      for (const signature of toEncodings(claim.signature)) {
        await expect(addClaim(chain, { ...claim, signature })).rejects.toThrow('invalid claim')
      }
    })

    it('sends nothing where all are revoked', async () => {
      const claim = await issue()
      await createTestIssuer(chain).revoke(claim)
      expect(await countRevocations(createTestIssuer(chain), claim)).toBe(0)
    })

    it('revokes those that somebody has left, such as ONCHAINID’s own revocation of what an identity shows', async () => {
      const claim = await issue()
      const [, second, third] = toEncodings(claim.signature)
      await revokePlainly(claim.signature)
      expect(await askEncodings(chain, claim)).toEqual([false, true, true, true])
      await revokePlainly(second)
      expect(await countRevocations(createTestIssuer(chain), claim)).toBe(2)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
      expect(await askIssuer(chain, { ...claim, signature: third })).toBe(false)
    })

    it('revokes the same whichever encoding it is given', async () => {
      const claim = await issue()
      const signature = toEncodings(claim.signature)[3]
      expect(await countRevocations(createTestIssuer(chain), { ...claim, signature })).toBe(4)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })

    it('revokes a claim before it is issued', async () => {
      const claim = await createTestIssuer(chain).sign(input())
      expect(await countRevocations(createTestIssuer(chain), claim)).toBe(4)
      expect(await toRejection(createTestIssuer(chain).issue(input()))).toMatchObject({ code: 'chain_refused' })
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })

    it('revokes no other claim', async () => {
      const claim = await issue()
      const other = await deployIdentity(chain)
      const { claim: kept } = await createTestIssuer(chain).issue(input({ identity: other }))
      await createTestIssuer(chain).revoke(claim)
      expect(await askEncodings(chain, kept)).toEqual(VALID)
    })

    it('revokes at the issuer of the claim', async () => {
      const claim = await issue()
      const another = await deployIssuer(chain)
      expect(await countRevocations(createTestIssuer(chain, { issuer: another }), claim)).toBe(4)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })

    it('goes on where it was interrupted', async () => {
      const claim = await issue()
      let sendings = 0
      const intercept = ({ method }: { method: string }) => {
        if (method !== 'eth_sendRawTransaction') return undefined
        sendings += 1
        return sendings > 2 ? Promise.reject(new Error('away')) : undefined
      }
      expect(await toRejection(createTestIssuer(chain, { intercept }).revoke(claim))).toMatchObject({
        code: 'chain_unreachable',
      })
      expect((await askEncodings(chain, claim)).filter(Boolean)).toHaveLength(2)
      expect(await countRevocations(createTestIssuer(chain), claim)).toBe(2)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })

    it('sends nothing where the sender may not revoke', async () => {
      const claim = await issue()
      const issuer = createTestIssuer(chain, { account: chain.account(2), signer: chain.owner })
      expect(await toRejection(issuer.revoke(claim))).toMatchObject({ code: 'chain_refused' })
      expect(issuer.countSent()).toBe(0)
      expect(await askEncodings(chain, claim)).toEqual(VALID)
    })
  })

  describe('on an issuer that knows the encodings of one signature', () => {
    it('revokes them with one transaction', async () => {
      const { address } = await deployContract(chain, {
        file: 'FixedClaimIssuer.sol',
        name: 'FixedClaimIssuer',
        args: [chain.owner.address],
      })
      const claim = await issue({ issuer: address })
      expect(await askEncodings(chain, claim)).toEqual(VALID)
      expect(await countRevocations(createTestIssuer(chain, { issuer: address }), claim)).toBe(1)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
      expect(await verify(address)).toBe('invalid')
      expect(await countRevocations(createTestIssuer(chain, { issuer: address }), claim)).toBe(0)
    })
  })

  describe.each([
    ['says no', false, false],
    ['reverts', true, 'reverts'],
  ] as const)('on an issuer that takes one encoding and %s of others, as OpenZeppelin does', (_, reverts, refusal) => {
    it('revokes it with one transaction', async () => {
      const args = [chain.owner.address, reverts]
      const { address } = await deployContract(chain, { file: 'FixedClaimIssuer.sol', name: 'StrictClaimIssuer', args })
      const claim = await issue({ issuer: address })
      const others = [refusal, refusal, refusal]
      expect(await askEncodings(chain, claim)).toEqual([true, ...others])
      expect(await countRevocations(createTestIssuer(chain, { issuer: address }), claim)).toBe(1)
      expect(await askEncodings(chain, claim)).toEqual([false, ...others])
      expect(await verify(address)).toBe('invalid')
      expect(await countRevocations(createTestIssuer(chain, { issuer: address }), claim)).toBe(0)
    })
  })

  describe('whatever the identity does', () => {
    it('revokes a claim that it has removed', async () => {
      const claim = await issue()
      await createTestIssuer(chain).remove(identity)
      expect(await countRevocations(createTestIssuer(chain), claim)).toBe(4)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })

    it('revokes the claim that was issued where the identity shows it in another encoding', async () => {
      const claim = await issue()
      await addClaim(chain, { ...claim, signature: toEncodings(claim.signature)[2] })
      expect(await countRevocations(createTestIssuer(chain), claim)).toBe(4)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })

    it.each([
      ['shows another claim', 0],
      ['reverts', 1],
      ['burns all gas', 2],
      ['gives no sense', 3],
    ])('revokes the claim of an identity that %s, and takes nothing from it', async (_, mood) => {
      const liar = await deployContract(chain, { file: 'HostileIdentity.sol', name: 'HostileIdentity' })
      const { topic, issuer, signature, data, uri } = await issue()
      await liar.send('show', { topic, scheme: 1n, issuer, signature, data, uri })
      await liar.send('behave', mood)
      const claim = await createTestIssuer(chain).sign(input({ identity: liar.address }))
      expect(await askEncodings(chain, claim)).toEqual(VALID)
      expect(await countRevocations(createTestIssuer(chain), claim)).toBe(4)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
      expect(await createTestIssuer(chain).remove(liar.address)).toBeNull()
      // The one that it showed is somebody else's.
      expect(await askIssuer(chain, { identity, topic, issuer, signature, data })).toBe(true)
    })
  })

  describe('whatever becomes of the signer’s key', () => {
    it('revokes all encodings while it is gone, so that none is valid when it comes back', async () => {
      const signer = chain.account(5)
      const key = { contract: chain.issuer, holder: signer.address }
      await changeKey(chain, 'addKey', key)
      const claim = await issue({ signer })
      await changeKey(chain, 'removeKey', key)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
      expect(await countRevocations(createTestIssuer(chain, { signer }), claim)).toBe(4)
      await changeKey(chain, 'addKey', key)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })

    it('revokes all encodings of a claim that an earlier key has signed, which is gone and comes back', async () => {
      const [earlier, later] = [chain.account(5), chain.account(6)]
      const key = { contract: chain.issuer, holder: earlier.address }
      await changeKey(chain, 'addKey', key)
      await changeKey(chain, 'addKey', { ...key, holder: later.address })
      const claim = await issue({ signer: earlier })
      await changeKey(chain, 'removeKey', key)
      expect(await countRevocations(createTestIssuer(chain, { signer: later }), claim)).toBe(4)
      await changeKey(chain, 'addKey', key)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })

    it('revokes with one transaction where the issuer knows the encodings, though the key is gone', async () => {
      const args = [chain.owner.address]
      const { address } = await deployContract(chain, { file: 'FixedClaimIssuer.sol', name: 'FixedClaimIssuer', args })
      const signer = chain.account(5)
      const key = { contract: address, holder: signer.address }
      await changeKey(chain, 'addKey', key)
      const claim = await issue({ signer, issuer: address })
      await changeKey(chain, 'removeKey', key)
      expect(await countRevocations(createTestIssuer(chain, { signer, issuer: address }), claim)).toBe(1)
      await changeKey(chain, 'addKey', key)
      expect(await askEncodings(chain, claim)).toEqual(INVALID)
    })
  })

  describe('remove', () => {
    const hasClaim = async (at: Address, claimId: Hex) => {
      const shown = await chain.client.readContract({
        address: at,
        abi: IDENTITY,
        functionName: 'getClaim',
        args: [claimId],
      })
      return shown[0] !== 0n
    }

    it('takes the claim from the identity, which has its others still', async () => {
      const other = createTestIssuer(chain, { topic: 7n })
      await other.issue(input())
      await issue()
      const issuer = createTestIssuer(chain)
      const hash = await issuer.remove(identity)
      expect(await chain.client.getTransactionReceipt({ hash: hash as Hex })).toMatchObject({ status: 'success' })
      expect([await hasClaim(identity, issuer.claimId), await hasClaim(identity, other.claimId)]).toEqual([false, true])
      expect(await verify()).toBe('no_claim')
    })

    it('is null where there is nothing to remove', async () => {
      for (const at of [identity, chain.account(7).address, chain.factory]) {
        const issuer = createTestIssuer(chain)
        expect(await issuer.remove(at)).toBeNull()
        expect(issuer.countSent()).toBe(0)
      }
    })

    it('is null where the sender has no key that may: the claim stays', async () => {
      await issue()
      const issuer = createTestIssuer(chain, { account: chain.account(2), signer: chain.owner })
      expect(await issuer.remove(identity)).toBeNull()
      expect(issuer.countSent()).toBe(0)
      expect(await verify()).toBe(true)
    })

    it('may, with a key for claims', async () => {
      await issue()
      const sender = chain.account(2)
      await changeKey(chain, 'addKey', { contract: identity, holder: sender.address })
      expect(await createTestIssuer(chain, { account: sender, signer: chain.owner }).remove(identity)).toMatch(/^0x/)
      expect(await verify()).toBe('no_claim')
    })

    it('does not make the claim invalid: whoever has it may show it again', async () => {
      const claim = await issue()
      await createTestIssuer(chain).remove(identity)
      await addClaim(chain, claim)
      expect(await verify()).toBe(true)
    })
  })

  it('issues a claim anew after a revocation, with another generation, and never the old one', async () => {
    const first = await issue()
    const issuer = createTestIssuer(chain)
    await issuer.revoke(first)
    await issuer.remove(identity)
    expect(await toRejection(issuer.issue(input()))).toMatchObject({ code: 'chain_refused' })
    const { claim: second, claimId } = await issuer.issue(input({ generation: 2 }))
    expect(claimId).toBe(issuer.claimId)
    expect([await verify(), await askEncodings(chain, second)]).toEqual([true, VALID])
    expect(await askEncodings(chain, first)).toEqual(INVALID)
    for (const signature of toEncodings(first.signature)) {
      await expect(addClaim(chain, { ...first, signature })).rejects.toThrow('invalid claim')
    }
    // Nor by the claim that is there already.
    await issuer.revoke(second)
    expect(await toRejection(issuer.issue(input({ generation: 1 })))).toMatchObject({ code: 'chain_refused' })
    expect((await issuer.issue(input({ generation: 3 }))).claim.issuer).toBe(getAddress(chain.issuer))
    expect([await verify(), await askEncodings(chain, second)]).toEqual([true, INVALID])
  })
})
