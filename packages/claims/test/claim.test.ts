import { type Address, getAddress, type Hex, hashMessage, parseEventLogs, recoverMessageAddress } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ClaimContent, toClaimDigest, toClaimId, toKey } from '../src/claim.js'
import { toCanonicalSignature } from '../src/signature-encodings.js'
import { deployIdentity, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import {
  addClaim,
  askIssuer,
  deployContract,
  encodeAddClaim,
  IDENTITY,
  type PlainClaim,
  type PlainContract,
} from './plain-calls.js'
import vectors from './vectors/claims.json' with { type: 'json' }

const TOPICS = [1n, 2n, 2n ** 31n, 2n ** 53n, 2n ** 255n, 2n ** 256n - 1n]
const SIZES = [0, 1, 31, 32, 33, 10_240]

const toData = (bytes: number): Hex => `0x${'ab'.repeat(bytes)}`

describe('a claim, against vectors that Python has made', () => {
  const { issuer, identity, signer, claimIds, claims } = vectors
  const account = privateKeyToAccount(signer.privateKey as Hex)

  it('has the id', () => {
    for (const { topic, claimId } of claimIds) expect(toClaimId(issuer as Address, BigInt(topic))).toBe(claimId)
    expect(claimIds.map(({ topic }) => BigInt(topic))).toEqual([0n, ...TOPICS])
  })

  it('has the digest, for data of any length', () => {
    for (const { topic, dataBytes, digest } of claims) {
      const content = { identity: identity as Address, topic: BigInt(topic), data: toData(dataBytes) }
      expect(toClaimDigest(content), `${topic}, ${dataBytes} bytes`).toBe(digest)
    }
    expect(claims).toHaveLength(7 * SIZES.length)
  })

  it('has the signature', async () => {
    for (const { digest, signature } of claims) {
      const signed = await account.signMessage({ message: { raw: digest as Hex } })
      expect(toCanonicalSignature(signed)).toBe(signature)
    }
  })

  it('has the key of its signer, whichever case the address is written in', () => {
    expect(toKey(account.address)).toBe(signer.key)
    expect(toKey(account.address.toLowerCase() as Address)).toBe(signer.key)
  })

  it('has the same id and digest, whichever case an address is written in', () => {
    const lower = '0xabcdefabcdefabcdefabcdefabcdefabcdefabcd'
    const content = { topic: 1n, data: '0x' } as const
    expect(toClaimId(lower, 1n)).toBe(toClaimId(getAddress(lower), 1n))
    expect(toClaimDigest({ ...content, identity: lower })).toBe(
      toClaimDigest({ ...content, identity: getAddress(lower) }),
    )
  })
})

describe.skipIf(SKIPPED !== null)(`a claim, against contracts${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chain: TestChain
  let identity: Address
  let oracle: PlainContract

  beforeAll(async () => {
    chain = await startTestChain()
    identity = await deployIdentity(chain)
    oracle = await deployContract(chain, { file: 'Vectors.sol', name: 'Vectors' })
  })
  afterAll(() => chain?.local.stop())

  async function sign(content: ClaimContent): Promise<PlainClaim> {
    const signature = await chain.owner.signMessage({ message: { raw: toClaimDigest(content) } })
    return { ...content, issuer: chain.issuer, signature: toCanonicalSignature(signature) }
  }

  it.each([0n, ...TOPICS])('has the id that Solidity computes, for topic %s', async (topic) => {
    expect(toClaimId(chain.issuer, topic)).toBe(await oracle.ask('toClaimId', chain.issuer, topic))
  })

  it('has the key that Solidity computes', async () => {
    const holder = privateKeyToAccount(generatePrivateKey()).address
    expect(toKey(holder)).toBe(await oracle.ask('toKey', holder))
  })

  it.each([0n, ...TOPICS])('has the digest and the signer that Solidity and viem find, for topic %s', async (topic) => {
    for (const bytes of SIZES) {
      const content = { identity, topic, data: toData(bytes) }
      const digest = toClaimDigest(content)
      expect(digest).toBe(await oracle.ask('toDigest', identity, topic, content.data))
      expect(hashMessage({ raw: digest })).toBe(await oracle.ask('toEthSignedMessageHash', digest))
      const { signature } = await sign(content)
      expect(await oracle.ask('recover', digest, signature)).toBe(chain.owner.address)
      expect(await recoverMessageAddress({ message: { raw: digest }, signature })).toBe(chain.owner.address)
    }
  })

  it.each(TOPICS)('is valid by ONCHAINID’s issuer, which gives it the same id, for topic %s', async (topic) => {
    for (const bytes of SIZES) {
      const claim = await sign({ identity, topic, data: toData(bytes) })
      expect(await askIssuer(chain, claim)).toBe(true)
      const { data } = await chain.client.call({ account: chain.owner, to: identity, data: encodeAddClaim(claim) })
      expect(data).toBe(toClaimId(chain.issuer, topic))
    }
  })

  it.each(TOPICS.map((topic, index) => [topic, SIZES[index] ?? 0]))(
    'is announced by its identity under that id, for topic %s and %i bytes',
    async (topic, bytes) => {
      const claim = await sign({ identity, topic, data: toData(bytes) })
      const { logs } = await addClaim(chain, claim)
      const [event] = parseEventLogs({ abi: IDENTITY, logs, eventName: 'ClaimAdded' })
      const claimId = toClaimId(chain.issuer, topic)
      expect(event?.args).toMatchObject({ claimId, topic, data: claim.data, signature: claim.signature })
      const read = { address: identity, abi: IDENTITY, functionName: 'getClaim', args: [claimId] } as const
      const shown = await chain.client.readContract(read)
      expect(shown.slice(0, 5)).toEqual([topic, 1n, getAddress(chain.issuer), claim.signature, claim.data])
    },
  )

  it('is worth nothing for another identity, topic, data or signer', async () => {
    const claim = await sign({ identity, topic: 7n, data: '0xab' })
    const stranger = chain.account(3)
    const signature = await stranger.signMessage({ message: { raw: toClaimDigest(claim) } })
    expect(await askIssuer(chain, claim)).toBe(true)
    for (const change of [{ identity: oracle.address }, { topic: 8n }, { data: '0xabab' as const }, { signature }]) {
      expect(await askIssuer(chain, { ...claim, ...change })).toBe(false)
    }
  })
})
