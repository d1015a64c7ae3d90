import fc from 'fast-check'
import { type Address, concat, type Hex, hashMessage, keccak256, numberToHex, recoverMessageAddress, slice } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toClaimDigest } from '../src/claim.js'
import { isCanonicalSignature, toCanonicalSignature, toSignatureEncodings } from '../src/signature-encodings.js'
import { SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { askEncodings, askIssuer, changeKey, ISSUER, toEncodings } from './plain-calls.js'
import vectors from './vectors/claims.json' with { type: 'json' }

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const HALF_ORDER = ORDER / 2n

const toHex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`
const anyBytes = (maxLength: number) => fc.uint8Array({ maxLength }).map(toHex)
const anyKey = fc.bigInt({ min: 1n, max: ORDER - 1n }).map((key) => numberToHex(key, { size: 32 }))
const anySigned = fc.record({ privateKey: anyKey, message: fc.uint8Array({ maxLength: 64 }) })

const sOf = (signature: Hex) => BigInt(slice(signature, 32, 64))
const vOf = (signature: Hex) => Number(slice(signature, 64))

function sign({ privateKey, message }: { privateKey: Hex; message: Uint8Array }): Promise<Hex> {
  return privateKeyToAccount(privateKey).signMessage({ message: { raw: message } })
}

describe('the encodings of a signature', () => {
  it('are four, the canonical one first: the lower s, and a v of 27 or 28', async () => {
    const property = fc.asyncProperty(anySigned, async (signed) => {
      const signature = await sign(signed)
      const encodings = toSignatureEncodings(signature)
      expect(new Set(encodings).size).toBe(4)
      const [canonical] = encodings
      expect(toCanonicalSignature(signature)).toBe(canonical)
      expect(sOf(canonical)).toBeLessThanOrEqual(HALF_ORDER)
      expect([27, 28]).toContain(vOf(canonical))
      expect(encodings).toEqual(toEncodings(canonical))
    })
    await fc.assert(property, { numRuns: 200 })
  })

  it('are the same four from each of the four, in capitals too', async () => {
    const property = fc.asyncProperty(anySigned, async (signed) => {
      const encodings = toSignatureEncodings(await sign(signed))
      for (const encoding of encodings) {
        expect(toSignatureEncodings(encoding)).toEqual(encodings)
        expect(toSignatureEncodings(`0x${encoding.slice(2).toUpperCase()}`)).toEqual(encodings)
      }
      expect(encodings.map(isCanonicalSignature)).toEqual([true, false, false, false])
    })
    await fc.assert(property, { numRuns: 100 })
  })

  it('recover to the signer, as far as viem takes them', async () => {
    const property = fc.asyncProperty(anySigned, async (signed) => {
      const { address } = privateKeyToAccount(signed.privateKey)
      const [canonical, withParity] = toSignatureEncodings(await sign(signed))
      for (const signature of [canonical, withParity]) {
        expect(await recoverMessageAddress({ message: { raw: signed.message }, signature })).toBe(address)
      }
    })
    await fc.assert(property, { numRuns: 50 })
  })

  it('start with what Python has signed', () => {
    for (const { signature } of vectors.claims) {
      for (const encoding of toEncodings(signature as Hex)) expect(toCanonicalSignature(encoding)).toBe(signature)
    }
  })

  it('keep an s of exactly half the order, and turn the next one', () => {
    const make = (s: bigint, v: number) =>
      concat([keccak256('0x'), numberToHex(s, { size: 32 }), numberToHex(v, { size: 1 })])
    expect(toCanonicalSignature(make(HALF_ORDER, 27))).toBe(make(HALF_ORDER, 27))
    expect(toCanonicalSignature(make(HALF_ORDER + 1n, 27))).toBe(make(HALF_ORDER, 28))
    expect(toCanonicalSignature(make(1n, 0))).toBe(make(1n, 27))
    expect(toCanonicalSignature(make(ORDER - 1n, 1))).toBe(make(1n, 27))
  })

  const good = vectors.claims[0]?.signature as Hex
  const [r, s] = [slice(good, 0, 32), slice(good, 32, 64)]
  it.each<[string, string]>([
    ['64 bytes (ERC-2098)', slice(good, 0, 64)],
    ['66 bytes', concat([good, '0x00'])],
    ['half a byte less', good.slice(0, -1)],
    ['half a byte more', `${good}0`],
    ['nothing', '0x'],
    ['an s of 0', concat([r, numberToHex(0n, { size: 32 }), '0x1b'])],
    ['an s of the order', concat([r, numberToHex(ORDER, { size: 32 }), '0x1b'])],
    ['an s above the order', concat([r, numberToHex(2n ** 256n - 1n, { size: 32 }), '0x1b'])],
    ['a v of 2', concat([r, s, '0x02'])],
    ['a v of 26', concat([r, s, '0x1a'])],
    ['a v of 29', concat([r, s, '0x1d'])],
    ['a v of EIP-155', concat([r, s, '0x25'])],
    ['a digit that is none', `${good.slice(0, -1)}g`],
    ['no 0x', good.slice(2)],
    ['text', 'no signature'],
  ])('are refused for %s, without showing it', (_, malformed) => {
    for (const convert of [toCanonicalSignature, toSignatureEncodings]) {
      const error = toThrown(() => convert(malformed as Hex))
      expect(error).toMatchObject({ name: 'ConfigurationError', code: 'configuration_invalid' })
      expect(String(error)).not.toContain(r.slice(2, 20))
    }
    expect(isCanonicalSignature(malformed as Hex)).toBe(false)
  })
})

describe.skipIf(SKIPPED !== null)(
  `the encodings of a signature on chain${SKIPPED === null ? '' : ` (${SKIPPED})`}`,
  () => {
    let chain: TestChain
    beforeAll(async () => {
      chain = await startTestChain()
    })
    afterAll(() => chain?.local.stop())

    const recover = (signature: Hex, message: Uint8Array) =>
      chain.client.readContract({
        address: chain.issuer,
        abi: ISSUER,
        functionName: 'getRecoveredAddress',
        args: [signature, hashMessage({ raw: message })],
      })

    it('all recover to the signer by ONCHAINID 2.2.1', async () => {
      const property = fc.asyncProperty(anySigned, async (signed) => {
        const signature = await sign(signed)
        const { address } = privateKeyToAccount(signed.privateKey)
        for (const encoding of toSignatureEncodings(signature)) {
          expect(await recover(encoding, signed.message)).toBe(address)
        }
      })
      await fc.assert(property, { numRuns: 40 })
    })

    it('are all accepted by the issuer of ONCHAINID 2.2.1, and none of another signer', async () => {
      const anyClaim = fc.record({
        privateKey: anyKey,
        topic: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
        data: anyBytes(100),
      })
      const property = fc.asyncProperty(anyClaim, async ({ privateKey, topic, data }) => {
        const signer = privateKeyToAccount(privateKey)
        const claim = await signClaim(signer, { identity: chain.factory, topic, data })
        expect(await askEncodings(chain, claim)).toEqual([false, false, false, false])
        await changeKey(chain, 'addKey', { contract: chain.issuer, holder: signer.address })
        expect(await askEncodings(chain, claim)).toEqual([true, true, true, true])
        for (const signature of toSignatureEncodings(claim.signature)) {
          expect(await askIssuer(chain, { ...claim, signature })).toBe(true)
        }
        await changeKey(chain, 'removeKey', { contract: chain.issuer, holder: signer.address })
      })
      await fc.assert(property, { numRuns: 15 })
    })

    async function signClaim(signer: PrivateKeyAccount, content: { identity: Address; topic: bigint; data: Hex }) {
      const signature = await signer.signMessage({ message: { raw: toClaimDigest(content) } })
      return { ...content, issuer: chain.issuer, signature: toCanonicalSignature(signature) }
    }
  },
)

function toThrown(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('Nothing was thrown.')
}
