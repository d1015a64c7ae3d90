import { createMemoryStorage, type KycStorage } from '@persona-kyc/core'
import { type Hex, keccak256, parseTransaction, TransactionReceiptNotFoundError } from 'viem'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { deployIdentity, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { expectTruth } from './simulation/oracle.js'
import { toCaseId } from './simulation/people.js'
import { LEASE_MS, type RpcRequest, startProcess } from './simulation/process.js'
import * as worlds from './simulation/world.js'

const { decide, live, mine, run, runUntil } = worlds

describe.skipIf(SKIPPED !== null)(`the Identity Service${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chain: TestChain
  let snapshot: Hex
  let storage: KycStorage
  let world: worlds.World

  beforeAll(async () => {
    chain = await startTestChain()
    await chain.test.setAutomine(false)
  })
  afterAll(() => chain.local.stop())
  beforeEach(async () => {
    snapshot = await chain.test.snapshot()
    storage = createMemoryStorage()
    world = await worlds.createWorld({ chain, storage, log: [] })
  })
  afterEach(async () => {
    worlds.end(world)
    await chain.test.revert({ id: snapshot })
    await worlds.forget(world)
  })

  const readCase = async (index: number) => {
    const kycCase = await storage.getCase(toCaseId(index))
    if (kycCase === null) throw new Error('There is no such case.')
    return kycCase
  }
  const hasClaim = (index: number) => async () => (await readCase(index)).kycClaimId !== null
  const hasNone = (index: number) => async () => (await readCase(index)).kycClaimId === null
  const readWork = async (index: number) => {
    const due = await storage.listDueClaims({ now: new Date(world.scheduler.now() + 10 ** 9), limit: 100 })
    return due.find(({ request }) => request.caseId === toCaseId(index))
  }
  const toKinds = () => world.alarms.map(({ kind }) => kind)
  const sendings = () => [...world.sent].map((raw) => parseTransaction(raw))
  /** The nonces that were ever given to transactions with that call. */
  const noncesOf = (selector: string) => [
    ...new Set(sendings().flatMap(({ data, nonce }) => (data?.startsWith(selector) ? [nonce] : []))),
  ]
  const truth = async () => {
    await worlds.mend(world)
    await expectTruth(world)
  }

  it('issues a claim for a verified case, revokes it when that ends, and issues another one when it is verified again', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    const first = await readCase(0)
    await decide(world, 0, false)
    await runUntil(world, hasNone(0))
    await expectTruth(world)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    const second = await readCase(0)
    expect(second.kycClaimId).toBe(first.kycClaimId)
    expect(second.kycClaimTxHash).not.toBe(first.kycClaimTxHash)
    await truth()
    expect(toKinds()).toEqual([])
    expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
    expect(noncesOf(REVOKE)).toHaveLength(4)
    expect(noncesOf(REMOVE)).toHaveLength(1)
  })

  it('stores the reference only once the transaction is as deep as configured', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0)
    await mine(world, 12)
    await run(world, { turns: 400, turnsPerBlock: 1000 })
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
    await mine(world, 1)
    await run(world, { turns: 400, turnsPerBlock: 1000 })
    expect(await readCase(0)).not.toMatchObject({ kycClaimId: null })
    await truth()
  })

  it('stores the claim, its nonce and each signed form before it sends them', async () => {
    live(world, 0)
    const unstored: unknown[] = []
    const sender = { chainId: chain.local.chainId, sender: chain.owner.address.toLowerCase() }
    world.intercept = ({ method, params = [] }, answer) => {
      if (method !== 'eth_sendRawTransaction') return undefined
      return storage.listOpenTransactions(sender).then((open) => {
        const [raw] = params
        const stored = open.find((transaction) => transaction.raw === raw)
        if (stored === undefined || !stored.hashes.includes(keccak256(raw as Hex))) unstored.push(raw)
        return answer()
      })
    }
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await decide(world, 0, false)
    await runUntil(world, hasNone(0))
    expect(world.sent.size).toBeGreaterThan(6)
    expect(unstored).toEqual([])
  })

  describe.each([
    ['before the node has it', 'before'],
    ['once the node has it', 'after'],
  ])('killed while it sends a claim, %s', (_, when) => {
    it('is followed by one that sends the same transaction, under the same nonce', async () => {
      const victim = live(world, 0)
      world.intercept = ({ method, params = [] }, answer, process) => {
        if (method !== 'eth_sendRawTransaction' || process !== victim || !isAddClaim(params[0])) return undefined
        victim.isDead = true
        return when === 'before' ? Promise.resolve(keccak256(params[0])) : answer()
      }
      await decide(world, 0, true)
      await runUntil(world, () => victim.isDead)
      live(world, 0)
      await runUntil(world, hasClaim(0))
      await truth()
      expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
      expect(sendings().filter(({ data }) => data?.startsWith(ADD_CLAIM))).toHaveLength(1)
    })
  })

  it('is followed by one that stores the reference where it was killed between confirming and storing it', async () => {
    const victim = startGuarded((name) => name === 'setClaim')
    await decide(world, 0, true)
    await runUntil(world, () => victim.isDead)
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
    live(world, 0)
    await runUntil(world, hasClaim(0))
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it('is followed by one that goes on where it was killed after storing the reference, before it knew', async () => {
    const victim = startGuarded((name) => name === 'moveClaim')
    await decide(world, 0, true)
    await runUntil(world, () => victim.isDead)
    expect(await readCase(0)).not.toMatchObject({ kycClaimId: null })
    await decide(world, 0, false)
    live(world, 0)
    await truth()
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
  })

  it('issues one claim where a process that was paused before sending wakes up after another has taken over', async () => {
    const sleeper = live(world, 0)
    let isCaught = false
    world.intercept = ({ method, params = [] }, _answer, process) => {
      if (isCaught || method !== 'eth_sendRawTransaction' || process !== sleeper || !isAddClaim(params[0]))
        return undefined
      isCaught = true
      sleeper.pausedUntil = world.scheduler.now() + 5 * LEASE_MS
      // The endpoint has lost it, and will be asked again.
      return Promise.resolve(keccak256(params[0]))
    }
    await decide(world, 0, true)
    await runUntil(world, () => isCaught)
    live(world, 1)
    await runUntil(world, hasClaim(0))
    expect(sleeper.pausedUntil).toBeGreaterThan(world.scheduler.now())
    world.scheduler.advance(6 * LEASE_MS)
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it('sends a claim anew under another nonce where its own went to another program with the same key', async () => {
    live(world, 0)
    world.intercept = ({ method, params = [] }) => {
      if (method !== 'eth_sendRawTransaction' || !isAddClaim(params[0])) return undefined
      return worlds.intrude(world, 0).then(() => keccak256(params[0] as Hex))
    }
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0)
    world.intercept = null
    await runUntil(world, hasClaim(0))
    expect(toKinds()).toEqual(['nonce_taken'])
    expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
    await truth()
  })

  it('fills the nonces that are missing before its own', async () => {
    live(world, 0)
    await worlds.intrude(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(CREATE).length > 0, { turnsPerBlock: 10 ** 6 })
    // What it was to come after is gone.
    await worlds.forget(world)
    await runUntil(world, hasClaim(0))
    expect(toKinds()).toContain('nonce_gap')
    await truth()
  })

  it('replaces a transaction that pays too little by one that pays at least a tenth more, and notes the one that was mined', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(CREATE).length > 0, { turnsPerBlock: 10 ** 6 })
    await chain.test.setNextBlockBaseFeePerGas({ baseFeePerGas: 60_000_000_000n })
    await runUntil(world, hasClaim(0))
    const [first, ...others] = sendings().filter(({ data }) => data?.startsWith(CREATE))
    expect(others.length).toBeGreaterThan(0)
    for (const { nonce, maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } of others) {
      expect(nonce).toBe(first?.nonce)
      expect(maxFeePerGas * 10n).toBeGreaterThanOrEqual(11n * (first?.maxFeePerGas ?? 0n))
      expect(maxPriorityFeePerGas * 10n).toBeGreaterThanOrEqual(11n * (first?.maxPriorityFeePerGas ?? 0n))
    }
    await truth()
  })

  it('replaces a transaction that every node takes and no block does', async () => {
    live(world, 0)
    let least = 0n
    world.intercept = ({ method, params = [] }) => {
      if (method !== 'eth_sendRawTransaction') return undefined
      const { maxPriorityFeePerGas = 0n } = parseTransaction(params[0] as Hex)
      least ||= maxPriorityFeePerGas + 1n
      return maxPriorityFeePerGas < least ? Promise.resolve(keccak256(params[0] as Hex)) : undefined
    }
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it('sends with higher fees at once where a node calls them too low', async () => {
    live(world, 0)
    let refusals = 0
    world.intercept = ({ method }) => {
      if (method !== 'eth_sendRawTransaction' || refusals++ > 1) return undefined
      return Promise.reject(Object.assign(new Error('transaction underpriced'), { code: -32000 }))
    }
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    const fees = sendings()
      .filter(({ data }) => data?.startsWith(CREATE))
      .map(({ maxFeePerGas = 0n }) => maxFeePerGas)
    expect(new Set(fees).size).toBeGreaterThan(1)
    await truth()
  })

  it('never pays more than it may, and says so', async () => {
    startWith({ maxFeePerGas: 3_000_000_000n })
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(CREATE).length > 0, { turnsPerBlock: 10 ** 6 })
    await chain.test.setNextBlockBaseFeePerGas({ baseFeePerGas: 60_000_000_000n })
    await runUntil(world, () => toKinds().includes('fee_limit_reached'), { turnsPerBlock: 2000 })
    expect(sendings().every(({ maxFeePerGas = 0n }) => maxFeePerGas <= 3_000_000_000n)).toBe(true)
  })

  it('survives that 12 blocks with its transaction are taken back', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await mine(world, 3)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0, { turnsPerBlock: 40 })
    await mine(world, 12)
    const [raw] = [...world.sent].filter(isAddClaim)
    expect((await chain.client.getTransactionReceipt({ hash: keccak256(raw as Hex) })).status).toBe('success')
    await worlds.reorganise(world, 12)
    await expect(chain.client.getTransactionReceipt({ hash: keccak256(raw as Hex) })).rejects.toThrow()
    await runUntil(world, hasClaim(0))
    expect((await readCase(0)).kycClaimTxHash).toBe(keccak256(raw as Hex))
    await truth()
  })

  it.each([
    ['times out', () => Promise.reject(new Error('timed out'))],
    ['limits its rate', () => Promise.reject(Object.assign(new Error('too many requests'), { status: 429 }))],
    ['answers nonsense', () => Promise.resolve('0xnonsense')],
    ['knows nothing', () => Promise.resolve(null)],
  ])('waits for an endpoint that %s, for whichever call', async (_, answer) => {
    live(world, 0)
    await decide(world, 0, true)
    let calls = 0
    world.intercept = () => (calls++ % 3 === 1 && calls < 200 ? answer() : undefined)
    await runUntil(world, hasClaim(0), { most: 60_000 })
    expect(calls).toBeGreaterThan(200)
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it('stores nothing on a case because of a receipt that is made up', async () => {
    live(world, 0)
    world.intercept = createLiar(chain)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0)
    // Its nonce is used up by another transaction, and the endpoint says that it was this one.
    await worlds.intrude(world, 0)
    await mine(world, 20)
    await run(world, { turns: 1500, turnsPerBlock: 100 })
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
    expect(toKinds()).toContain('chain_contradicts')
    await truth()
  })

  it('stores nothing on a case that a second endpoint does not confirm', async () => {
    const getTransactionReceipt = ({ hash }: { hash: Hex }) =>
      Promise.reject(new TransactionReceiptNotFoundError({ hash }))
    const blind = { getTransactionReceipt }
    const witness = Object.assign(Object.create(chain.client), blind)
    startWith({ witnesses: [witness] })
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(CREATE).length > 0)
    await run(world, { turns: 3000, turnsPerBlock: 40 })
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
    witness.getTransactionReceipt = chain.client.getTransactionReceipt
    await runUntil(world, hasClaim(0))
    await truth()
  })

  it('does nothing while the endpoint serves another chain', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => world.log.some((line) => line.includes('following')))
    world.intercept = ({ method }) => (method === 'eth_chainId' ? Promise.resolve('0x1') : undefined)
    await run(world, { turns: 1000, turnsPerBlock: 100 })
    expect(world.sent.size).toBe(0)
    expect(toKinds()).toContain('chain_mismatch')
    await truth()
  })

  it('raises one alarm when it cannot pay, sends nothing meanwhile, and goes on when it can', async () => {
    live(world, 0)
    await worlds.setFunds(world, 1n)
    await decide(world, 0, true)
    await decide(world, 1, true)
    await run(world, { turns: 4000, turnsPerBlock: 100 })
    expect(toKinds()).toEqual(['funds_missing'])
    expect(world.sent.size).toBe(0)
    await worlds.setFunds(world)
    await runUntil(world, hasClaim(1), { most: 40_000 })
    await truth()
  })

  it('parks a user without an identity, holds up nobody, and goes on once there is one', async () => {
    live(world, 0)
    world.isKnown[0] = false
    await decide(world, 0, true)
    await decide(world, 1, true)
    await runUntil(world, hasClaim(1))
    expect((await readWork(0))?.request).toMatchObject({ reason: 'identity_missing' })
    world.isKnown[0] = true
    await runUntil(world, hasClaim(0))
    await truth()
  })

  it('parks a user whose identity it may not write to, and goes on once it may', async () => {
    const holder = chain.account(8)
    await chain.test.setAutomine(true)
    const identity = await deployIdentity(chain, { manager: holder.address })
    await chain.test.setAutomine(false)
    startWith({ resolveIdentity: () => ({ identity }) })
    await decide(world, 0, true)
    await runUntil(world, async () => (await readWork(0))?.request.reason === 'identity_not_writable')
    expect(world.sent.size).toBe(0)
    await chain.test.setAutomine(true)
    await addClaimKey(chain, { identity, holder })
    await chain.test.setAutomine(false)
    await runUntil(world, hasClaim(0))
  })

  it('sends nothing for a case that is declined before its claim was sent', async () => {
    const slow = live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, async () => (await readWork(0)) !== undefined)
    await decide(world, 0, false)
    await truth()
    expect(noncesOf(ADD_CLAIM)).toEqual([])
    expect(noncesOf(REVOKE)).toEqual([])
    expect(slow.isDead).toBe(false)
  })

  it('revokes the claim of a case that is declined while its transaction waits to be mined', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(CREATE).length > 0)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0, { turnsPerBlock: 40 })
    await decide(world, 0, false)
    await truth()
    expect(noncesOf(REVOKE)).toHaveLength(4)
  })

  it('revokes a claim whose transaction was reverted: everybody could read its signature', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(CREATE).length > 0)
    world.intercept = ({ method }) => (method === 'eth_estimateGas' ? Promise.resolve('0x186a0') : undefined)
    await runUntil(world, () => toKinds().includes('transaction_reverted'))
    await decide(world, 0, false)
    await truth()
    expect(noncesOf(REVOKE)).toHaveLength(4)
  })

  it('gives the claim of an identity to the case that was verified later, and revokes the earlier one', async () => {
    live(world, 0)
    await decide(world, 2, true)
    await runUntil(world, hasClaim(2))
    await decide(world, 3, true)
    await runUntil(world, hasClaim(3))
    await truth()
    expect(await readCase(2)).toMatchObject({ status: 'verified', kycClaimId: null })
    await decide(world, 3, false)
    await truth()
    // The newest finding about the person counts: the older verification does not come back by itself.
    expect(await readCase(2)).toMatchObject({ kycClaimId: null })
    await decide(world, 2, false)
    await decide(world, 2, true)
    await truth()
    expect(await readCase(2)).not.toMatchObject({ kycClaimId: null })
  })

  it('leaves the claim to the case that was verified later, where the earlier one comes late', async () => {
    live(world, 0)
    world.isKnown[2] = false
    await decide(world, 2, true)
    await decide(world, 3, true)
    await runUntil(world, hasClaim(3))
    const { kycClaimTxHash } = await readCase(3)
    world.isKnown[2] = true
    await truth()
    expect((await readCase(3)).kycClaimTxHash).toBe(kycClaimTxHash)
    expect(await readCase(2)).toMatchObject({ kycClaimId: null })
    expect(noncesOf(REVOKE)).toEqual([])
  })

  it('finds on chain what it has lost from its store, and sends nothing twice', async () => {
    const first = live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    first.isDead = true
    const { kycClaimId, kycClaimTxHash } = await readCase(0)
    const sent = world.sent.size
    // Another store, with the same cases: the references are gone too.
    storage = createMemoryStorage()
    world = Object.assign(await worlds.createWorld({ chain, storage, log: [] }), { sent: world.sent })
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    expect(await readCase(0)).toMatchObject({ kycClaimId, kycClaimTxHash })
    expect(world.sent.size).toBe(sent)
  })

  it('stores nothing of what it finds on chain and a second endpoint does not', async () => {
    const first = live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    first.isDead = true
    storage = createMemoryStorage()
    world = await worlds.createWorld({ chain, storage, log: [] })
    const answers: Record<string, unknown> = { getClaim: [0n, 0n, ZERO, '0x', '0x', ''], isClaimValid: false }
    const readContract = ({ functionName }: { functionName: string }) => Promise.resolve(answers[functionName])
    startWith({ witnesses: [Object.assign(Object.create(chain.client), { readContract })] })
    await decide(world, 0, true)
    await runUntil(world, () => toKinds().includes('chain_contradicts'))
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
  })

  it('knows its transaction by what it did, where a node has lost the receipt', async () => {
    live(world, 0)
    world.intercept = ({ method }) => (method === 'eth_getTransactionReceipt' ? Promise.resolve(null) : undefined)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    const [raw] = [...world.sent].filter(isAddClaim)
    expect((await readCase(0)).kycClaimTxHash).toBe(keccak256(raw as Hex))
    expect(toKinds()).toEqual([])
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it('issues another claim where it has lost that the first was revoked', async () => {
    const first = live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await decide(world, 0, false)
    await runUntil(world, hasNone(0))
    first.isDead = true
    const { sent } = world
    storage = createMemoryStorage()
    world = Object.assign(await worlds.createWorld({ chain, storage, log: [] }), { sent })
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
  })

  it('puts its reference in the place of one to an earlier claim of its own', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0)
    const { claimId = '' } = (await readWork(0))?.claims[0] ?? {}
    await storage.setClaim(toCaseId(0), { kycClaimId: claimId, kycClaimTxHash: '0xold', now: new Date() })
    await truth()
    expect((await readCase(0)).kycClaimTxHash).not.toBe('0xold')
  })

  it('leaves it at that where whoever manages the identity has taken the claim away', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0)
    await mine(world, 1)
    const { identity, claimId } = (await readWork(0))?.claims[0] ?? {}
    await chain.test.impersonateAccount({ address: identity as Hex })
    await chain.test.setBalance({ address: identity as Hex, value: 10n ** 18n })
    const data = `${REMOVE}${claimId?.slice(2)}` as const
    await chain.wallet.sendTransaction({
      account: identity as Hex,
      to: identity as Hex,
      data,
      gas: 200_000n,
      chain: null,
    })
    await runUntil(world, async () => (await readWork(0)) === undefined)
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it('waits for a source that does not know yet what it told', async () => {
    let isLate = true
    const process = startWith({})
    const getCase = storage.getCase.bind(storage)
    storage.getCase = async (id) => {
      const kycCase = await getCase(id)
      return isLate && kycCase !== null ? { ...kycCase, status: 'pending', verifiedAt: null, revision: 0 } : kycCase
    }
    await decide(world, 0, true)
    await runUntil(world, async () => (await readWork(0))?.request.reason === 'source_lags')
    isLate = false
    await runUntil(world, hasClaim(0))
    await truth()
    expect(process.isDead).toBe(false)
  })

  it('sends nothing for a case of which the source says, before it is told so, that it is not verified any more', async () => {
    live(world, 0)
    const addClaim = storage.addClaim.bind(storage)
    storage.addClaim = async (claim) => {
      await decide(world, 0, false)
      return addClaim(claim)
    }
    await decide(world, 0, true)
    await truth()
    expect(noncesOf(ADD_CLAIM)).toEqual([])
  })

  it('gives no nonce to a claim that another process has withdrawn meanwhile', async () => {
    const sleeper = live(world, 0)
    let isCaught = false
    const openTransactions = storage.openTransactions.bind(storage)
    storage.openTransactions = async (sender, wanted) => {
      const isClaim = wanted.some(({ purpose }) => purpose.startsWith('issue:'))
      if (!isClaim || isCaught) return openTransactions(sender, wanted)
      isCaught = true
      sleeper.pausedUntil = world.scheduler.now() + 5 * LEASE_MS
      // The call arrives only once the sleeper wakes up.
      late.push(() => openTransactions(sender, wanted))
      return []
    }
    const late: (() => Promise<unknown>)[] = []
    await decide(world, 0, true)
    await runUntil(world, () => isCaught)
    await decide(world, 0, false)
    live(world, 1)
    await runUntil(world, async () => (await readWork(0)) === undefined, { most: 40_000 })
    for (const call of late) expect(await call()).toEqual([])
    await truth()
    expect(noncesOf(ADD_CLAIM)).toEqual([])
  })

  it('revokes anew what was revoked in blocks that are taken back', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await decide(world, 0, false)
    await runUntil(world, () => noncesOf(REVOKE).length === 4)
    await mine(world, 10)
    await worlds.reorganise(world, 12)
    await worlds.forget(world)
    expect(await readCase(0)).not.toMatchObject({ kycClaimId: null })
    await truth()
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
  })

  it('concludes nothing from one block in which a node mixes the states of two', async () => {
    live(world, 0)
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0)
    const [nonce = 0] = noncesOf(ADD_CLAIM)
    const ask = chain.client.request as unknown as (request: RpcRequest) => Promise<unknown>
    let mixed: unknown = null
    let isMixing = true
    world.intercept = ({ method, params = [] }, answer) => {
      const [first, block] = params
      if (method === 'eth_getTransactionCount' && block !== 'latest' && block !== 'pending') {
        return answer().then((count) => {
          if (Number(count) > nonce) mixed ??= block
          if (mixed !== null && mixed !== block) isMixing = false
          return count
        })
      }
      if (method === 'eth_getTransactionReceipt' && isMixing) return Promise.resolve(null)
      if (method !== 'eth_call' || block !== mixed || !isMixing) return undefined
      return ask({ method, params: [first, `0x${(BigInt(block as Hex) - 2n).toString(16)}`] })
    }
    await runUntil(world, hasClaim(0))
    expect(mixed).not.toBeNull()
    expect(toKinds()).toEqual([])
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it('concludes nothing from a receipt of a block that is not on the chain', async () => {
    live(world, 0)
    await decide(world, 0, true)
    world.intercept = ({ method }, answer) =>
      method !== 'eth_getTransactionReceipt'
        ? undefined
        : answer().then((receipt) => receipt && { ...receipt, blockHash: keccak256('0x01') })
    await runUntil(world, () => toKinds().includes('chain_contradicts'))
    await run(world, { turns: 1000, turnsPerBlock: 100 })
    expect(await readCase(0)).toMatchObject({ kycClaimId: null })
    await truth()
  })

  it('takes no claim for revoked before that is final', async () => {
    startWith({ removesRevoked: false })
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await decide(world, 0, false)
    await runUntil(world, () => noncesOf(REVOKE).length === 4)
    await mine(world, 10)
    // Longer than a case waits for its transactions.
    world.scheduler.advance(61_000)
    await run(world, { turns: 1500, turnsPerBlock: 10 ** 6 })
    expect(await readCase(0)).not.toMatchObject({ kycClaimId: null })
    await mine(world, 3)
    await runUntil(world, hasNone(0))
    await expectTruth(world)
  })

  it('leaves a revoked claim on its identity where it is told to', async () => {
    startWith({ removesRevoked: false })
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await decide(world, 0, false)
    await runUntil(world, hasNone(0))
    await expectTruth(world)
    expect(noncesOf(REMOVE)).toEqual([])
  })

  it.each(['not_verified', 'not_found'] as const)(
    'revokes what it has issued where the case takes no reference any more: %s',
    async (answer) => {
      const verified = { caseId: toCaseId(0), userId: 'user', revision: 1, verifiedAt: new Date(0), claim: null }
      startWith({
        source: {
          // One that is only told of cases that could take a claim never hears that this one could not.
          follow: (onChange) => onChange({ ...verified, isVerified: true }),
          readCase: async () => verified,
          storeClaim: async () => answer,
          clearClaim: async () => 'not_found',
        },
      })
      await runUntil(world, () => noncesOf(REVOKE).length === 4)
      expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
    },
  )

  it('keeps a reference that is not its own, and says so', async () => {
    live(world, 0)
    await decide(world, 0, true)
    const foreign = { kycClaimId: '0xforeign', kycClaimTxHash: '0xhash' }
    await storage.setClaim(toCaseId(0), { ...foreign, now: new Date() })
    await runUntil(world, () => toKinds().includes('claim_conflict'))
    expect(await readCase(0)).toMatchObject(foreign)
  })

  it('counts what it does, and logs ids only', async () => {
    const names: string[] = []
    startWith({ onMetric: ({ name }) => void names.push(name) })
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await decide(world, 0, false)
    await truth()
    for (const name of [
      'identity_created',
      'transaction_sent',
      'transaction_confirmed',
      'claim_issued',
      'claim_revoked',
    ]) {
      expect(names).toContain(name)
    }
    expect(world.log.join('\n')).not.toContain('lovelace')
  })

  /** Starts process 0 with other options. */
  function startWith(options: Parameters<typeof startProcess>[1]) {
    const process = startProcess(world, options)
    world.processes.push(process)
    return process
  }

  /** Starts process 0, which dies at its first call of a method of the storage: after `setClaim`'s turn, before the rest. */
  function startGuarded(isLast: (name: string) => boolean) {
    const process = live(world, 0)
    const methods = storage as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
    for (const name of ['setClaim', 'moveClaim']) {
      const method = methods[name]
      methods[name] = (...args) => {
        if (!process.isDead && isLast(name)) {
          process.isDead = true
          return Promise.resolve(null)
        }
        return method?.apply(storage, args) ?? Promise.resolve()
      }
    }
    return process
  }
})

const ZERO = '0x0000000000000000000000000000000000000000'

/** The selectors of what is sent, from the contracts' own descriptions. */
const ADD_CLAIM = '0xb1a34e0d'
const REMOVE = '0x4eee424a'
const REVOKE = '0x9f7f9edd'
const CREATE = '0xfe5cd59a'

function isAddClaim(raw: unknown): raw is Hex {
  return typeof raw === 'string' && (parseTransaction(raw as Hex).data ?? '0x').startsWith(ADD_CLAIM)
}

/** An endpoint that keeps claims to itself, and makes up their receipts. */
function createLiar(chain: TestChain): NonNullable<worlds.World['intercept']> {
  const swallowed = new Set<unknown>()
  return ({ method, params = [] }) => {
    const [param] = params
    if (method === 'eth_sendRawTransaction' && isAddClaim(param)) {
      swallowed.add(keccak256(param))
      return Promise.resolve(keccak256(param))
    }
    return method === 'eth_getTransactionReceipt' && swallowed.has(param) ? makeUpReceipt(chain, param) : undefined
  }
}

async function makeUpReceipt({ client, owner }: TestChain, transactionHash: unknown): Promise<unknown> {
  const newest = await client.getBlockNumber({ cacheTime: 0 })
  const { hash: blockHash, number } = await client.getBlock({ blockNumber: newest - 14n })
  const gas = { cumulativeGasUsed: '0x1', gasUsed: '0x1', effectiveGasPrice: '0x1', logsBloom: '0x', logs: [] }
  const place = { blockHash, blockNumber: `0x${number.toString(16)}`, transactionIndex: '0x0' }
  return {
    transactionHash,
    ...place,
    ...gas,
    from: owner.address,
    to: null,
    contractAddress: null,
    status: '0x1',
    type: '0x2',
  }
}

async function addClaimKey(
  { wallet, client }: TestChain,
  { identity, holder }: { identity: Hex; holder: ReturnType<TestChain['account']> },
): Promise<void> {
  const { toKey } = await import('../src/claim.js')
  const hash = await wallet.writeContract({
    address: identity,
    abi: [
      {
        type: 'function',
        name: 'addKey',
        inputs: [{ type: 'bytes32' }, { type: 'uint256' }, { type: 'uint256' }],
        outputs: [{ type: 'bool' }],
        stateMutability: 'nonpayable',
      },
    ],
    functionName: 'addKey',
    args: [toKey((await wallet.getAddresses())[0] as Hex), 3n, 1n],
    account: holder,
    chain: wallet.chain ?? null,
  })
  await client.waitForTransactionReceipt({ hash })
}
