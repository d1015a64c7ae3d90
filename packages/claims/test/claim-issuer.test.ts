import {
  type Account,
  type Address,
  createWalletClient,
  encodeFunctionData,
  getAddress,
  type Hash,
  type Hex,
  http,
  type LocalAccount,
  parseTransaction,
  type WalletClient,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { toClaimId } from '../src/claim.js'
import { decodeClaimData, encodeClaimData, toCommitment } from '../src/claim-data.js'
import { type ClaimInput, type ClaimIssuerOptions, createClaimIssuer } from '../src/claim-issuer.js'
import { verifyClaim } from '../src/verify-claim.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { CASE, createClients, createTestIssuer, type TestIssuer, TOPIC, VERIFIED_AT } from './issuer-fixture.js'
import { deployIdentity, deployIssuer, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import {
  addClaim,
  askIssuer,
  changeKey,
  encodeAddClaim,
  IDENTITY,
  ISSUER,
  sendCall,
  toEncodings,
} from './plain-calls.js'

const LIMIT = 2 ** 40
/** How to wait for what happens in another place: often, and for long, as machines may be slow. */
const PATIENTLY = { interval: 5, timeout: 20_000 }

describe.skipIf(SKIPPED !== null)(`createClaimIssuer${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
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
  const countNonce = (address: Address = chain.owner.address) => chain.client.getTransactionCount({ address })
  /** Resolves once the issuer has sent, and has seen what it waits for: only then can viem tell what takes its place. */
  const untilWaiting = ({ calls }: TestIssuer) =>
    vi.waitFor(() => expect(calls.map(({ method }) => method)).toContain('eth_getTransactionByHash'), PATIENTLY)
  const verify = () => verifyClaim(chain.client, { identity, issuer: chain.issuer, topic: TOPIC })
  const getClaim = () =>
    chain.client.readContract({
      address: identity,
      abi: IDENTITY,
      functionName: 'getClaim',
      args: [toClaimId(chain.issuer, TOPIC)],
    })

  describe('the options', () => {
    const create = (change: Partial<Record<keyof ClaimIssuerOptions, unknown>>) => {
      const { client, wallet, issuer } = chain
      return createClaimIssuer({ client, wallet, issuer, topic: TOPIC, ...change } as ClaimIssuerOptions)
    }
    const toWallet = (account?: Account | Address): WalletClient =>
      createWalletClient({ transport: http(chain.local.url), ...(account !== undefined && { account }) })

    it.each<[string, () => Partial<Record<keyof ClaimIssuerOptions, unknown>>]>([
      ['no issuer', () => ({ issuer: undefined })],
      ['an issuer without 0x', () => ({ issuer: chain.issuer.slice(2) })],
      ['an issuer that is too short', () => ({ issuer: chain.issuer.slice(0, -1) })],
      ['an issuer that is too long', () => ({ issuer: `${chain.issuer}0` })],
      ['an issuer that is a name', () => ({ issuer: 'issuer.eth' })],
      ['no topic', () => ({ topic: undefined })],
      ['topic 0', () => ({ topic: 0n })],
      ['a topic below 0', () => ({ topic: -1n })],
      ['a topic of more than 256 bits', () => ({ topic: 2n ** 256n })],
      ['a topic that is a number', () => ({ topic: 42 })],
      ['no confirmations', () => ({ confirmations: 0 })],
      ['half a confirmation', () => ({ confirmations: 1.5 })],
      ['confirmations that are no number', () => ({ confirmations: Number.NaN })],
      ['confirmations in text', () => ({ confirmations: '13' })],
      ['confirmations without end', () => ({ confirmations: LIMIT })],
      ['a level below 0', () => ({ level: -1 })],
      ['half a level', () => ({ level: 0.5 })],
      ['a level that is no number', () => ({ level: Number.NaN })],
      ['a level without end', () => ({ level: LIMIT })],
      ['claims that do not count for a second', () => ({ validForSeconds: 0 })],
      ['claims that have ended before', () => ({ validForSeconds: -1 })],
      ['claims for half a second', () => ({ validForSeconds: 0.5 })],
      ['claims for a time that is no number', () => ({ validForSeconds: Number.NaN })],
      ['claims for longer than time is told', () => ({ validForSeconds: LIMIT })],
      ['a wallet without an account', () => ({ wallet: toWallet() })],
      ['a wallet whose account is with the node', () => ({ wallet: toWallet(chain.owner.address) })],
      ['a signer that is with the node', () => ({ signer: { address: chain.owner.address, type: 'json-rpc' } })],
      ['a signer that is an address', () => ({ signer: chain.owner.address })],
    ])('are refused with %s', (_, change) => {
      expect(() => create(change())).toThrow(
        expect.objectContaining({ name: 'ConfigurationError', code: 'configuration_invalid' }),
      )
    })

    it('may be at their limits', () => {
      for (const topic of [1n, 2n ** 256n - 1n]) expect(create({ topic }).topic).toBe(topic)
      expect(create({ confirmations: 1 }).confirmations).toBe(1)
      for (const level of [0, LIMIT - 1]) expect(() => create({ level })).not.toThrow()
      for (const validForSeconds of [1, LIMIT - 1]) expect(() => create({ validForSeconds })).not.toThrow()
    })

    it('have defaults: 13 confirmations, and the sender signs', () => {
      const issuer = create({ issuer: chain.issuer.toLowerCase() })
      expect(issuer.confirmations).toBe(13)
      expect([issuer.sender.address, issuer.signer]).toEqual([chain.owner.address, chain.owner.address])
      expect(issuer.issuer).toBe(getAddress(chain.issuer))
      expect(issuer.claimId).toBe(toClaimId(chain.issuer, TOPIC))
      const names = ['signer', 'level', 'validForSeconds', 'uri', 'confirmations']
      expect(() => create(Object.fromEntries(names.map((name) => [name, undefined])))).not.toThrow()
    })
  })

  describe('sign', () => {
    it('binds the claim to chain, issuer, identity, topic and case, and sends nothing', async () => {
      const issuer = createTestIssuer(chain, { level: 3, validForSeconds: 3600, uri: 'https://kyc.example' })
      const claim = await issuer.sign(input())
      const subject = {
        ...{ chainId: chain.local.chainId, issuer: getAddress(chain.issuer), identity, topic: TOPIC, caseId: CASE },
        ...{ generation: 1, level: 3, verifiedAtSeconds: 1_767_323_045, validUntilSeconds: 1_767_326_645 },
      }
      expect(claim.data).toBe(encodeClaimData(subject))
      expect(decodeClaimData(claim.data)).toMatchObject({ commitment: toCommitment(subject) })
      expect(claim).toMatchObject({
        identity,
        topic: TOPIC,
        issuer: getAddress(chain.issuer),
        uri: 'https://kyc.example',
      })
      expect(await askIssuer(chain, claim)).toBe(true)
      expect(issuer.calls.map(({ method }) => method)).toEqual(['eth_chainId', 'eth_chainId'])
    })

    it('gives the same again for the same, and another claim for another generation', async () => {
      const issuer = createTestIssuer(chain)
      const claim = await issuer.sign(input())
      expect(await issuer.sign(input({ generation: 1 }))).toEqual(claim)
      expect(await createTestIssuer(chain).sign(input())).toEqual(claim)
      const next = await issuer.sign(input({ generation: 2 }))
      expect(next.data).not.toBe(claim.data)
      expect(decodeClaimData(next.data)).toEqual({
        ...decodeClaimData(claim.data),
        commitment: decodeClaimData(next.data)?.commitment,
      })
    })

    it('counts without end where nothing else is said, at level 1', async () => {
      const { data } = await createTestIssuer(chain).sign(input())
      expect(decodeClaimData(data)).toMatchObject({ level: 1, validUntilSeconds: null })
    })

    it('asks for the chain’s id once', async () => {
      const issuer = createTestIssuer(chain)
      for (let count = 0; count < 3; count++) await issuer.sign(input())
      expect(issuer.calls).toHaveLength(2)
    })
  })

  describe('issue', () => {
    it('resolves with a claim that the chain shows, its id and its transaction', async () => {
      const issuer = createTestIssuer(chain, { uri: 'https://kyc.example' })
      const { claim, claimId, txHash } = await issuer.issue(input())
      const { topic, data, signature, uri } = claim
      expect(await getClaim()).toEqual([topic, 1n, getAddress(chain.issuer), signature, data, uri])
      expect(await askIssuer(chain, claim)).toBe(true)
      expect(await verify()).toMatchObject({ isValid: true })
      expect([claimId, claimId]).toEqual([issuer.claimId, toClaimId(chain.issuer, TOPIC)])
      const receipt = await chain.client.getTransactionReceipt({ hash: txHash })
      const from = chain.owner.address.toLowerCase()
      expect(receipt).toMatchObject({ status: 'success', from, to: identity })
      const { input: calldata } = await chain.client.getTransaction({ hash: txHash })
      expect(calldata).toBe(encodeAddClaim(claim))
      expect(issuer.countSent()).toBe(1)
    })

    it('sends nothing for what is on chain already, and resolves with the same', async () => {
      const issued = await createTestIssuer(chain).issue(input())
      const nonce = await countNonce()
      const issuer = createTestIssuer(chain)
      expect(await issuer.issue(input())).toEqual(issued)
      expect([issuer.countSent(), await countNonce()]).toEqual([0, nonce])
    })

    it('finds what is on chain though other claims came before and after it', async () => {
      const other = await deployIdentity(chain)
      await createTestIssuer(chain, { topic: 7n }).issue(input())
      await createTestIssuer(chain).issue(input({ caseId: 'another' }))
      const issued = await createTestIssuer(chain).issue(input())
      await createTestIssuer(chain, { topic: 8n }).issue(input())
      await createTestIssuer(chain).issue(input({ identity: other }))
      const issuer = createTestIssuer(chain)
      expect(await issuer.issue(input())).toEqual(issued)
      expect(issuer.countSent()).toBe(0)
    })

    it('gives the claim back to an identity whose holder has removed it, or turned its signature', async () => {
      const { claim } = await createTestIssuer(chain).issue(input())
      await createTestIssuer(chain).remove(identity)
      const issuer = createTestIssuer(chain)
      expect((await issuer.issue(input())).claim).toEqual(claim)
      expect([issuer.countSent(), await verify()]).toMatchObject([1, { isValid: true }])
      for (const signature of toEncodings(claim.signature).slice(1)) {
        await addClaim(chain, { ...claim, signature })
        expect(await verify()).toEqual({ isValid: false, fault: 'other_encoding' })
        expect((await createTestIssuer(chain).issue(input())).claim).toEqual(claim)
        expect(await verify()).toMatchObject({ isValid: true })
      }
    })

    it('takes the place of an earlier claim', async () => {
      await createTestIssuer(chain).issue(input())
      const { claim } = await createTestIssuer(chain).issue(input({ generation: 2 }))
      expect(await getClaim()).toMatchObject({ 3: claim.signature, 4: claim.data })
    })

    it('resolves only once the transaction is as deep as it must be', async () => {
      let polls = 0
      const issuer = createTestIssuer(chain, {
        confirmations: 3,
        intercept: ({ method }) => {
          if (method === 'eth_blockNumber') polls += 1
        },
      })
      const nonce = await countNonce()
      let issued: Hash | null = null
      const ended = issuer.issue(input()).then(({ txHash }) => {
        issued = txHash
      })
      const pollSomeMore = async () => {
        const start = polls
        await vi.waitFor(() => expect(polls).toBeGreaterThan(start + 4), PATIENTLY)
      }
      await vi.waitFor(async () => expect(await countNonce()).toBe(nonce + 1), PATIENTLY)
      await pollSomeMore()
      await chain.test.mine({ blocks: 1 })
      await pollSomeMore()
      expect(issued).toBeNull()
      await chain.test.mine({ blocks: 1 })
      await ended
      expect(issued).toMatch(/^0x/)
    })

    it('leaves a reserve of gas above what the simulation took', async () => {
      const { txHash } = await createTestIssuer(chain).issue(input())
      const [{ gas }, { gasUsed }] = await Promise.all([
        chain.client.getTransaction({ hash: txHash }),
        chain.client.getTransactionReceipt({ hash: txHash }),
      ])
      expect(gas).toBeGreaterThanOrEqual((gasUsed * 5n) / 4n)
      expect(gas).toBeLessThan(gasUsed * 2n)
    })

    it.each<[string, string, () => Promise<{ account?: LocalAccount; signer?: LocalAccount; at?: Address }>]>([
      ['the sender has no key on the identity', 'chain_refused', async () => ({ account: chain.account(2) })],
      ['the signer is none of the issuer', 'chain_refused', async () => ({ signer: chain.account(2) })],
      [
        'the claim is revoked',
        'chain_refused',
        async () => {
          const { signature } = await createTestIssuer(chain).sign(input())
          await revokePlainly(signature)
          return {}
        },
      ],
      ['the identity is no identity', 'chain_refused', async () => ({ at: chain.factory })],
      [
        'there is no identity',
        'identity_missing',
        async () => ({ at: privateKeyToAccount(generatePrivateKey()).address }),
      ],
    ])('refuses before anything is sent where %s', async (_, code, prepare) => {
      const { at = identity, ...options } = await prepare()
      const nonces = () => Promise.all([countNonce(), countNonce(chain.account(2).address)])
      const before = await nonces()
      const issuer = createTestIssuer(chain, options)
      expect(await toRejection(issuer.issue(input({ identity: at })))).toMatchObject({ name: 'KycError', code })
      expect(issuer.countSent()).toBe(0)
      expect(await nonces()).toEqual(before)
    })

    it('rejects with `chain_refused` where the chain refuses what the simulation let pass', async () => {
      const sender = chain.account(1)
      await changeKey(chain, 'addKey', { contract: identity, holder: sender.address })
      const issuer = createTestIssuer(chain, { account: sender, signer: chain.owner })
      const { signature } = await issuer.sign(input())
      await chain.test.setAutomine(false)
      const failed = toRejection(issuer.issue(input()))
      await untilWaiting(issuer)
      // Who pays more comes first in the block.
      const data = encodeFunctionData({ abi: ISSUER, functionName: 'revokeClaimBySignature', args: [signature] })
      await chain.wallet.sendTransaction({
        ...{ account: chain.owner, chain: chain.wallet.chain ?? null, to: chain.issuer, data, gas: 1_000_000n },
        ...{ maxFeePerGas: 200_000_000_000n, maxPriorityFeePerGas: 100_000_000_000n },
      })
      await chain.test.mine({ blocks: 1 })
      await chain.test.setAutomine(true)
      expect(await failed).toMatchObject({ code: 'chain_refused' })
      expect(await countNonce(sender.address)).toBe(1)
    })

    it('rejects with `chain_funds_missing` where the sender cannot pay', async () => {
      const poor = privateKeyToAccount(generatePrivateKey())
      await changeKey(chain, 'addKey', { contract: identity, holder: poor.address })
      const issuer = createTestIssuer(chain, { account: poor, signer: chain.owner })
      expect(await toRejection(issuer.issue(input()))).toMatchObject({ code: 'chain_funds_missing' })
      expect(await countNonce(poor.address)).toBe(0)
      expect(await verify()).toEqual({ isValid: false, fault: 'no_claim' })
    })
  })

  describe('a transaction that another one takes the place of', () => {
    /** Starts to issue, and resolves once the transaction waits. */
    async function startIssue() {
      await chain.test.setAutomine(false)
      const nonce = await countNonce()
      const issuer = createTestIssuer(chain)
      const issued = issuer.issue(input())
      issued.catch(() => {})
      await untilWaiting(issuer)
      const raw = issuer.calls.find(({ method }) => method === 'eth_sendRawTransaction')?.params[0] as Hex
      return { issued, nonce, sent: parseTransaction(raw) }
    }
    const replace = (nonce: number, { to, data = '0x' }: { to: Address; data?: Hex | undefined }) =>
      chain.wallet.sendTransaction({
        ...{ account: chain.owner, chain: chain.wallet.chain ?? null, nonce, to, data, gas: 2_000_000n },
        ...{ maxFeePerGas: 200_000_000_000n, maxPriorityFeePerGas: 100_000_000_000n },
      })
    afterEach(() => chain.test.setAutomine(true))

    it('is not taken for issued where that one cancels it', async () => {
      const { issued, nonce } = await startIssue()
      await replace(nonce, { to: chain.owner.address })
      await chain.test.mine({ blocks: 1 })
      expect(await toRejection(issued)).toMatchObject({ code: 'chain_unconfirmed' })
      expect(await verify()).toEqual({ isValid: false, fault: 'no_claim' })
    })

    it('is not taken for issued where that one does something else', async () => {
      const { issued, nonce } = await startIssue()
      await replace(nonce, { to: chain.account(3).address, data: '0x01' })
      await chain.test.mine({ blocks: 1 })
      expect(await toRejection(issued)).toMatchObject({ code: 'chain_unconfirmed' })
    })

    it('is issued by that one where it pays more for the same', async () => {
      const { issued, nonce, sent } = await startIssue()
      const hash = await replace(nonce, { to: sent.to as Address, data: sent.data })
      await chain.test.mine({ blocks: 1 })
      expect(await issued).toMatchObject({ txHash: hash })
      expect(await verify()).toMatchObject({ isValid: true })
    })
  })

  describe('the chain', () => {
    const wrongId = (id: string) => ({
      intercept: ({ method }: { method: string }) => (method === 'eth_chainId' ? id : undefined),
    })
    const ask = async (clients: Pick<ClaimIssuerOptions, 'client' | 'wallet'>) => {
      const issuer = createClaimIssuer({ ...clients, issuer: chain.issuer, topic: TOPIC, confirmations: 1 })
      const nonce = await countNonce()
      const errors = await Promise.all([
        toRejection(issuer.chainId()),
        toRejection(issuer.sign(input())),
        toRejection(issuer.issue(input())),
      ])
      expect(await countNonce()).toBe(nonce)
      return errors.map((error) => (error as { code?: string }).code)
    }
    const MISMATCH = ['chain_mismatch', 'chain_mismatch', 'chain_mismatch']

    it('is one that client and wallet are set up for', async () => {
      expect(await createTestIssuer(chain).chainId()).toBe(chain.local.chainId)
      const { client, wallet } = chain
      const bare = createClaimIssuer({
        client,
        wallet: createWalletClient({ account: chain.owner, transport: http(chain.local.url) }),
        issuer: chain.issuer,
        topic: TOPIC,
        confirmations: 1,
      })
      expect(await bare.chainId()).toBe(chain.local.chainId)
      expect((await bare.issue(input())).claimId).toBe(bare.claimId)
      expect(wallet.chain?.id).toBe(client.chain?.id)
    })

    it('is refused where the endpoint serves another one than the clients are for', async () => {
      expect(await ask(createClients(chain, wrongId('0x1')))).toEqual(MISMATCH)
    })

    it('is refused where client and wallet are on different ones', async () => {
      const [right, wrong] = [chain, createClients(chain, wrongId('0x1'))]
      expect(await ask({ client: right.client, wallet: wrong.wallet })).toEqual(MISMATCH)
      expect(await ask({ client: wrong.client, wallet: right.wallet })).toEqual(MISMATCH)
    })

    it('is refused where it is another one than before: nothing is sent to it', async () => {
      let id: string | undefined
      const issuer = createTestIssuer(chain, {
        intercept: ({ method }) => (method === 'eth_chainId' ? id : undefined),
      })
      const { claim } = await issuer.issue(input())
      id = '0x1'
      const nonce = await countNonce()
      const calls = [issuer.issue(input({ generation: 2 })), issuer.revoke(claim), issuer.remove(identity)]
      for (const error of await Promise.all(calls.map(toRejection))) {
        expect(error).toMatchObject({ code: 'chain_mismatch' })
      }
      expect(await countNonce()).toBe(nonce)
      expect(issuer.countSent()).toBe(1)
      id = undefined
      expect(await issuer.remove(identity)).toMatch(/^0x/)
    })

    it('is asked again where it could not be asked', async () => {
      let isAway = true
      const issuer = createTestIssuer(chain, {
        intercept: () => (isAway ? Promise.reject(new Error('away')) : undefined),
      })
      expect(await toRejection(issuer.chainId())).toMatchObject({ code: 'chain_unreachable' })
      isAway = false
      expect(await issuer.chainId()).toBe(chain.local.chainId)
    })
  })

  describe('an error', () => {
    const SECRET = 'planted-provider-key'
    const KEY: Hex = `0x${'5ec2e7'.repeat(10)}beef`

    it('holds nothing of the endpoint, the keys or the claim, whatever goes wrong', async () => {
      const account = privateKeyToAccount(KEY)
      const claim = await createTestIssuer(chain).sign(input())
      const url = `${chain.local.url}/?key=${SECRET}`
      const rich = { account, signer: chain.owner }
      const errors: unknown[] = []
      for (const options of [
        { url: `http://127.0.0.1:1/v3/${SECRET}` },
        { url: `http://127.0.0.1:1/v3/${SECRET}`, ...rich },
        { url, ...rich },
        { url, signer: account },
        { url, intercept: failing('eth_sendRawTransaction') },
        { url, intercept: failing('eth_estimateGas') },
        { url, intercept: failing('eth_call') },
        { url, intercept: ({ method }: { method: string }) => (method === 'eth_chainId' ? '0x1' : undefined) },
      ]) {
        errors.push(await toRejection(createTestIssuer(chain, options).issue(input())))
      }
      const unreachable = createTestIssuer(chain, { url: `http://127.0.0.1:1/v3/${SECRET}` })
      const calls = [
        unreachable.chainId(),
        unreachable.sign(input()),
        unreachable.revoke(claim),
        unreachable.remove(identity),
      ]
      errors.push(...(await Promise.all(calls.map(toRejection))))
      const stranger = createTestIssuer(chain, { url, ...rich })
      errors.push(await toRejection(stranger.revoke(claim)))
      await changeKey(chain, 'addKey', { contract: identity, holder: account.address })
      errors.push(await toRejection(createTestIssuer(chain, { url, ...rich }).issue(input())))

      const codes = errors.map((error) => (error as { code?: string }).code)
      expect(new Set(codes)).toEqual(
        new Set(['chain_unreachable', 'chain_refused', 'chain_mismatch', 'chain_funds_missing']),
      )
      const secrets = [SECRET, new URL(url).host, '127.0.0.1', KEY, CASE, claim.data, claim.signature]
      const calldata = encodeAddClaim(claim)
      for (const error of errors) {
        expect(error).toMatchObject({ name: 'KycError' })
        expectNoCanary(error, ...secrets, calldata.slice(0, 74), claim.data.slice(2, 66))
      }
    })

    it('holds nothing of them either where a transaction is not confirmed', async () => {
      const { client, wallet } = createClients(chain, { intercept: () => undefined })
      const url = `https://rpc.example/v3/${SECRET}`
      const fail = () => Promise.reject(new Error(`Timed out while waiting at ${url} for ${KEY}.`))
      const failing = { ...client, waitForTransactionReceipt: fail }
      const issuer = createClaimIssuer({
        client: failing,
        wallet,
        issuer: chain.issuer,
        topic: TOPIC,
      })
      const error = await toRejection(issuer.issue(input()))
      expect(error).toMatchObject({ name: 'KycError', code: 'chain_unconfirmed' })
      expectNoCanary(error, SECRET, 'rpc.example', KEY)
    })

    function failing(name: string) {
      return ({ method }: { method: string }) =>
        method === name ? Promise.reject(new TypeError(`fetch failed: ${SECRET}`)) : undefined
    }
  })

  function revokePlainly(signature: Hex) {
    const data = encodeFunctionData({ abi: ISSUER, functionName: 'revokeClaimBySignature', args: [signature] })
    return sendCall(chain, { to: chain.issuer, data })
  }

  it('signs with another key than it sends with', async () => {
    const [sender, signer] = [chain.account(1), chain.account(2)]
    const at = await deployIssuer(chain)
    await changeKey(chain, 'addKey', { contract: at, holder: signer.address })
    await changeKey(chain, 'addKey', { contract: identity, holder: sender.address })
    const issuer = createTestIssuer(chain, { account: sender, signer, issuer: at })
    expect([issuer.sender.address, issuer.signer]).toEqual([sender.address, signer.address])
    const { claim, txHash } = await issuer.issue(input())
    expect(await askIssuer(chain, claim)).toBe(true)
    const { from } = await chain.client.getTransactionReceipt({ hash: txHash })
    expect(from).toBe(sender.address.toLowerCase())
    await changeKey(chain, 'removeKey', { contract: at, holder: signer.address })
    expect(await askIssuer(chain, claim)).toBe(false)
  })
})
