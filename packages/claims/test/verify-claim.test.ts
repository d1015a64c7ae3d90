import {
  type Address,
  createPublicClient,
  custom,
  type EIP1193RequestFn,
  encodeFunctionData,
  getAddress,
  type Hex,
  http,
  slice,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type SignedClaim, toClaimDigest } from '../src/claim.js'
import { type ClaimSubject, decodeClaimData, encodeClaimData } from '../src/claim-data.js'
import { type ClaimIssuer, type ClaimIssuerOptions, createClaimIssuer } from '../src/claim-issuer.js'
import { toCanonicalSignature } from '../src/signature-encodings.js'
import { type ClaimFault, type VerifyClaimOptions, verifyClaim } from '../src/verify-claim.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { deployIdentity, deployIssuer, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { addClaim, askIssuer, changeKey, deployContract, ISSUER, sendCall, toEncodings } from './plain-calls.js'

const TOPIC = 42n
const CASE = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'

describe.skipIf(SKIPPED !== null)(`verifyClaim${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
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

  const createIssuer = (options: Partial<ClaimIssuerOptions> = {}): ClaimIssuer => {
    const { client, wallet, issuer } = chain
    return createClaimIssuer({ client, wallet, issuer, topic: TOPIC, level: 2, confirmations: 1, ...options })
  }
  const readNow = async () => Number((await chain.client.getBlock()).timestamp)

  /** Issues a claim to the identity, which counts but for what is given. */
  async function issue(options: Partial<ClaimIssuerOptions> = {}): Promise<SignedClaim> {
    const verifiedAt = new Date((await readNow()) * 1000)
    const { claim } = await createIssuer(options).issue({ identity, caseId: CASE, verifiedAt })
    return claim
  }

  /** A claim with such data, signed by the issuer as it is. */
  async function sign(change: Partial<ClaimSubject> & { data?: Hex } = {}): Promise<SignedClaim> {
    const { data: given, ...rest } = change
    const bound = { chainId: chain.local.chainId, issuer: chain.issuer, identity, topic: TOPIC, caseId: CASE }
    const statement = { generation: 1, level: 2, verifiedAtSeconds: await readNow(), validUntilSeconds: null }
    const subject = { ...bound, ...statement, ...rest }
    const data = given ?? encodeClaimData(subject)
    const content = { identity: subject.identity, topic: subject.topic, data }
    const signature = await chain.owner.signMessage({ message: { raw: toClaimDigest(content) } })
    return { ...content, issuer: chain.issuer, uri: '', signature: toCanonicalSignature(signature) }
  }

  /** What verifyClaim says, in one word. */
  async function verify(options: Partial<VerifyClaimOptions> = {}): Promise<true | ClaimFault> {
    const verdict = await verifyClaim(chain.client, { identity, issuer: chain.issuer, topic: TOPIC, ...options })
    return verdict.isValid || verdict.fault
  }

  const revoke = (signature: Hex) =>
    sendCall(chain, {
      to: chain.issuer,
      data: encodeFunctionData({ abi: ISSUER, functionName: 'revokeClaimBySignature', args: [signature] }),
    })

  /** An identity that shows that claim, whichever it is asked for. */
  async function createLiar(claim: SignedClaim, change: Partial<SignedClaim & { scheme: bigint }> = {}) {
    const liar = await deployContract(chain, { file: 'HostileIdentity.sol', name: 'HostileIdentity' })
    const { topic, issuer, signature, data, uri } = claim
    await liar.send('show', { topic, scheme: 1n, issuer, signature, data, uri, ...change })
    return liar
  }

  it('says what a claim that counts states', async () => {
    const claim = await issue({ validForSeconds: 3600 })
    const verdict = await verifyClaim(chain.client, { identity, issuer: chain.issuer, topic: TOPIC, minLevel: 2 })
    expect(verdict).toEqual({ isValid: true, statement: decodeClaimData(claim.data) })
    expect(verdict).toMatchObject({ statement: { chainId: chain.local.chainId, level: 2 } })
  })

  it('takes addresses in any letters', async () => {
    await issue()
    const lower = { identity: identity.toLowerCase() as Address, issuer: chain.issuer.toLowerCase() as Address }
    expect(await verify(lower)).toBe(true)
    expect(await verify({ identity: getAddress(identity), issuer: getAddress(chain.issuer) })).toBe(true)
  })

  describe('no_claim', () => {
    it('where there is none', async () => {
      expect(await verify()).toBe('no_claim')
    })

    it('where there is one of another topic or issuer', async () => {
      await issue()
      expect(await verify({ topic: TOPIC + 1n })).toBe('no_claim')
      expect(await verify({ issuer: await deployIssuer(chain) })).toBe('no_claim')
    })

    it('where there is no contract', async () => {
      expect(await verify({ identity: privateKeyToAccount(generatePrivateKey()).address })).toBe('no_claim')
    })

    it('where there is another contract', async () => {
      expect(await verify({ identity: chain.factory })).toBe('no_claim')
    })

    it('where it was removed', async () => {
      await issue()
      await createIssuer().remove(identity)
      expect(await verify()).toBe('no_claim')
    })

    it.each([
      ['reverts', 1],
      ['burns all gas', 2],
      ['gives no sense', 3],
    ])('where the identity %s', async (_, mood) => {
      const liar = await createLiar(await issue())
      expect(await verify({ identity: liar.address })).not.toBe('no_claim')
      await liar.send('behave', mood)
      expect(await verify({ identity: liar.address })).toBe('no_claim')
    })

    it('where the identity shows a claim of another topic, or of another issuer', async () => {
      const claim = await issue()
      const [topical, foreign] = [
        await createLiar(claim, { topic: 43n }),
        await createLiar(claim, { issuer: identity }),
      ]
      expect(await verify({ identity: topical.address })).toBe('no_claim')
      expect(await verify({ identity: foreign.address })).toBe('no_claim')
    })
  })

  describe('foreign_data', () => {
    it.each<[string, Hex]>([
      ['none', '0x'],
      ['text', '0x4b5943'],
      ['zeros', `0x${'00'.repeat(224)}`],
    ])('where the issuer has signed other data: %s', async (_, data) => {
      const claim = await sign({ data })
      await addClaim(chain, claim)
      expect(await askIssuer(chain, claim)).toBe(true)
      expect(await verify()).toBe('foreign_data')
    })

    it('where it is longer', async () => {
      const { data } = await sign()
      await addClaim(chain, await sign({ data: `${data}00` }))
      expect(await verify()).toBe('foreign_data')
    })

    it('where the scheme is another one', async () => {
      const claim = await issue()
      const liar = await createLiar(await sign({ identity }), { scheme: 2n })
      expect(claim.identity).toBe(identity)
      expect(await verify({ identity: liar.address })).toBe('foreign_data')
    })
  })

  it('other_chain, where the data is for another one', async () => {
    const claim = await sign({ chainId: 1 })
    await addClaim(chain, claim)
    expect(await askIssuer(chain, claim)).toBe(true)
    expect(await verify()).toBe('other_chain')
  })

  it('other_issuer, where one key signs for both', async () => {
    const issuer = await deployIssuer(chain)
    await addClaim(chain, { ...(await issue()), issuer })
    expect(await verify()).toBe(true)
    expect(await verify({ issuer })).toBe('other_issuer')
  })

  describe('expired', () => {
    it('by the chain’s clock, from the second after its end', async () => {
      const start = await readNow()
      const claim = await issue({ validForSeconds: 1000 })
      const end = (decodeClaimData(claim.data)?.validUntilSeconds ?? 0) - start
      expect(end).toBe(1000)
      await chain.test.setNextBlockTimestamp({ timestamp: BigInt(start + 1000) })
      await chain.test.mine({ blocks: 1 })
      expect([await readNow(), await verify()]).toEqual([start + 1000, true])
      await chain.test.setNextBlockTimestamp({ timestamp: BigInt(start + 1001) })
      await chain.test.mine({ blocks: 1 })
      expect([await readNow(), await verify()]).toEqual([start + 1001, 'expired'])
    })

    it('by the clock of the block that is looked at', async () => {
      await issue({ validForSeconds: 1000 })
      const blockNumber = await chain.client.getBlockNumber({ cacheTime: 0 })
      await chain.test.setNextBlockTimestamp({ timestamp: BigInt((await readNow()) + 5000) })
      await chain.test.mine({ blocks: 1 })
      expect([await verify({ blockNumber }), await verify()]).toEqual([true, 'expired'])
    })

    it('never, without an end', async () => {
      await issue()
      await chain.test.setNextBlockTimestamp({ timestamp: BigInt((await readNow()) + 100 * 365 * 86_400) })
      await chain.test.mine({ blocks: 1 })
      expect(await verify()).toBe(true)
    })
  })

  it('level_too_low, below the least level, which is none by default', async () => {
    await issue({ level: 3 })
    for (const minLevel of [0, 1, 3]) expect(await verify({ minLevel })).toBe(true)
    for (const minLevel of [4, Number.MAX_SAFE_INTEGER]) expect(await verify({ minLevel })).toBe('level_too_low')
    // What came of a setting that is missing lets nobody in.
    expect(await verify({ minLevel: Number.NaN })).toBe('level_too_low')
    expect(await verify({ minLevel: undefined })).toBe(true)
    await addClaim(chain, await sign({ level: 0 }))
    expect(await verify()).toBe(true)
  })

  describe('other_encoding', () => {
    it.each([1, 2, 3])('where the holder has turned the signature into another one (%i)', async (index) => {
      const claim = await issue()
      const signature = toEncodings(claim.signature)[index] as Hex
      await addClaim(chain, { ...claim, signature })
      expect(await askIssuer(chain, { ...claim, signature })).toBe(true)
      expect(await verify()).toBe('other_encoding')
    })

    it('where the identity shows what is no signature', async () => {
      const claim = await issue()
      for (const signature of ['0x', slice(claim.signature, 0, 64), `${claim.signature}00`] as const) {
        const liar = await createLiar(claim, { signature })
        expect(await verify({ identity: liar.address })).toBe('other_encoding')
      }
    })
  })

  describe('invalid', () => {
    it('where it is revoked', async () => {
      const claim = await issue()
      expect(await verify()).toBe(true)
      await revoke(claim.signature)
      expect(await verify()).toBe('invalid')
    })

    it('where its signer has lost its key, until it comes back', async () => {
      const signer = chain.account(5)
      await changeKey(chain, 'addKey', { contract: chain.issuer, holder: signer.address })
      await issue({ signer })
      expect(await verify()).toBe(true)
      await changeKey(chain, 'removeKey', { contract: chain.issuer, holder: signer.address })
      expect(await verify()).toBe('invalid')
      await changeKey(chain, 'addKey', { contract: chain.issuer, holder: signer.address })
      expect(await verify()).toBe(true)
    })

    it('where it is copied from another identity', async () => {
      const claim = await issue()
      const other = await deployIdentity(chain)
      await expect(addClaim(chain, claim, { to: other })).rejects.toThrow('invalid claim')
      const liar = await createLiar(claim)
      expect(await verify({ identity: liar.address })).toBe('invalid')
    })

    it('where the holder has signed it', async () => {
      const claim = await issue()
      const signed = await chain.account(3).signMessage({ message: { raw: toClaimDigest(claim) } })
      const liar = await createLiar(claim, { signature: toCanonicalSignature(signed) })
      expect(await verify({ identity: liar.address })).toBe('invalid')
    })

    it('where the holder has changed what it states', async () => {
      const claim = await issue()
      const { data } = await sign({ level: 9 })
      const liar = await createLiar(claim, { data })
      expect(await verify({ identity: liar.address })).toBe('invalid')
    })

    it('where the issuer’s contract reverts', async () => {
      const args = [chain.owner.address, true]
      const strict = await deployContract(chain, { file: 'FixedClaimIssuer.sol', name: 'StrictClaimIssuer', args })
      const claim = await issue({ issuer: strict.address })
      expect(await verify({ issuer: strict.address })).toBe(true)
      await chain.test.setCode({ address: strict.address, bytecode: '0xfe' })
      expect(await verify({ issuer: strict.address })).toBe('invalid')
      expect(claim.issuer).toBe(getAddress(strict.address))
    })
  })

  describe('at a block', () => {
    it('sees a claim from the block on that it was issued in, and up to the one before it was revoked', async () => {
      const before = await chain.client.getBlockNumber({ cacheTime: 0 })
      const claim = await issue()
      const valid = await chain.client.getBlockNumber({ cacheTime: 0 })
      const { blockNumber: revoked } = await revoke(claim.signature)
      expect(revoked).toBe(valid + 1n)
      const verdicts = await Promise.all([before, valid, revoked].map((blockNumber) => verify({ blockNumber })))
      expect(verdicts).toEqual(['no_claim', true, 'invalid'])
    })

    it('reads everything at one block, also where it was not told at which', async () => {
      await issue()
      const blocks: unknown[] = []
      const request = (async ({ method, params }: { method: string; params: readonly unknown[] }) => {
        if (method === 'eth_call') blocks.push(params[1])
        return chain.client.request({ method, params } as never)
      }) as EIP1193RequestFn
      const client = createPublicClient({ transport: custom({ request }, { retryCount: 0 }) })
      const number = await chain.client.getBlockNumber({ cacheTime: 0 })
      await verifyClaim(client, { identity, issuer: chain.issuer, topic: TOPIC })
      expect(blocks).toEqual([`0x${number.toString(16)}`, `0x${number.toString(16)}`])
    })
  })

  describe('rejects', () => {
    it('where the chain cannot be asked', async () => {
      const client = createPublicClient({ transport: http('http://127.0.0.1:1/v3/planted-key', { retryCount: 0 }) })
      const error = await toRejection(verifyClaim(client, { identity, issuer: chain.issuer, topic: TOPIC }))
      expect(error).toMatchObject({ code: 'chain_unreachable' })
      expectNoCanary(error, 'planted-key', '127.0.0.1')
    })

    it('where there is no such block', async () => {
      expect(await toRejection(verify({ blockNumber: 10n ** 9n }))).toMatchObject({ code: 'chain_unreachable' })
    })

    it('where the issuer is no contract', async () => {
      const issuer = getAddress(chain.account(3).address)
      const claim = { ...(await sign({ issuer })), issuer }
      const liar = await createLiar(claim)
      expect(await toRejection(verify({ issuer, identity: liar.address }))).toMatchObject({ code: 'chain_refused' })
    })

    it('where a node fails in the midst of it: that is no verdict', async () => {
      await issue()
      for (const [failing, message] of [
        [1, 'Internal error'],
        [2, 'Internal error'],
        [1, 'header not found'],
      ] as const) {
        let calls = 0
        const fetchFn: typeof fetch = async (url, init) => {
          const { id, method } = JSON.parse(String(init?.body)) as { id: number; method: string }
          if (method === 'eth_call') calls += 1
          if (calls !== failing) return fetch(url, init)
          return Response.json({ jsonrpc: '2.0', id, error: { code: -32603, message } })
        }
        const client = createPublicClient({ transport: http(chain.local.url, { fetchFn, retryCount: 0 }) })
        const error = await toRejection(verifyClaim(client, { identity, issuer: chain.issuer, topic: TOPIC }))
        expect(error).toMatchObject({ code: 'chain_unreachable' })
      }
    })
  })
})
