import { createPublicClient, custom, type Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import { toClaimId } from '../src/claim.js'
import type { ClaimSource } from '../src/claim-source.js'
import { SKIPPED } from './local-chain.js'
import { IDENTITY } from './plain-calls.js'
import { expectTruth } from './simulation/oracle.js'
import { TOPIC, toCaseId } from './simulation/people.js'
import type { RpcRequest } from './simulation/process.js'
import { ADD_CLAIM, addKey, REMOVE, REVOKE, type SourceKind, setUpStage } from './simulation/stage.js'
import { decide, forget, mine, run, runUntil } from './simulation/world.js'

const NAME = 'the Identity Service, where what is around it changes or fails'

describe.skipIf(SKIPPED !== null)(`${NAME}${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  const stage = setUpStage()
  const { hasClaim, hasNone, isSettled, noncesOf, toKinds, truth } = stage

  /** Every reason that was stored for a case. */
  const noteReasons = () => {
    const reasons: (string | null)[] = []
    const { storage } = stage
    const defer = storage.deferClaimRequest.bind(storage)
    storage.deferClaimRequest = (caseId, deferral) => {
      reasons.push(deferral.reason)
      return defer(caseId, deferral)
    }
    return reasons
  }
  const toRequest = (request: RpcRequest) =>
    (stage.chain.client.request as unknown as (request: RpcRequest) => Promise<unknown>)(request)

  it('revokes a claim whose reference an operator has cleared once the case is declined, though no list has the case then', async () => {
    const { world, storage } = stage
    stage.start({ source: stage.createSource('http') })
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    const { kycClaimId, kycClaimTxHash } = await stage.readCase(0)
    const reference = { kycClaimId: kycClaimId ?? '', kycClaimTxHash: kycClaimTxHash ?? '' }
    await storage.clearClaim(toCaseId(0), { ...reference, now: new Date(world.scheduler.now()) })
    await decide(world, 0, false)
    await runUntil(world, isSettled(0))
    await expectTruth(world)
    expect(noncesOf(REVOKE)).toHaveLength(4)
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it.each<[SourceKind]>([['feed'], ['http']])(
    'revokes what a holder removes before it is confirmed, and adds again, and issues nothing more for that verification: %s',
    async (kind) => {
      const { chain, world } = stage
      const holder = chain.account(7)
      const identity = await stage.createIdentity(holder)
      const reasons = noteReasons()
      stage.start({ source: stage.createSource(kind), resolveIdentity: () => ({ identity }) })
      await decide(world, 0, true)
      await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0)
      await run(world, { turns: 40, turnsPerBlock: 10 ** 6 })
      await mine(world, 1)
      const args = [toClaimId(chain.issuer, TOPIC)]
      await stage.send(holder, { to: identity, abi: IDENTITY, functionName: 'removeClaim', args })
      await runUntil(world, () => world.log.some((line) => line.includes('the holder has removed the claim')))
      const [claim] = stage.sentClaims()
      if (claim === undefined) throw new Error('Nothing was sent.')
      const again = [claim.topic, 1n, claim.issuer, claim.signature, claim.data, claim.uri]
      await stage.send(holder, { to: identity, abi: IDENTITY, functionName: 'addClaim', args: again })
      await mine(world, 1)
      const read = { address: identity, abi: IDENTITY, functionName: 'getClaim', args } as const
      expect(await chain.client.readContract(read as never)).toContain(claim.signature)

      await runUntil(world, isSettled(0))
      expect(reasons.at(-1)).toBe('removed_by_holder')
      await stage.expectRevoked(claim)
      const sent = world.sent.size
      for (let hour = 0; hour < 3; hour++) {
        world.scheduler.advance(3_600_000)
        await run(world, { turns: 300, turnsPerBlock: 40 })
      }
      expect(world.sent.size).toBe(sent)
      expect([ADD_CLAIM, REVOKE, REMOVE].map((selector) => noncesOf(selector).length)).toEqual([1, 4, 1])
      expect(await stage.readCase(0)).toMatchObject({ status: 'verified', kycClaimId: null })
    },
  )

  it('keeps a claim of the topic before while its case is verified, says so, and revokes it when the case is declined', async () => {
    const { world } = stage
    const source = () => stage.createSource('http')
    stage.start({ source: source(), issuer: stage.createIssuer() })
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    stage.kill()
    stage.start({ source: source(), issuer: stage.createIssuer({ topic: TOPIC + 1n }) })
    await runUntil(world, () => toKinds().includes('other_issuer'))
    await run(world, { turns: 500, turnsPerBlock: 40 })
    await expectTruth(world)
    expect(toKinds()).toEqual(['other_issuer'])
    expect(await hasClaim(0)()).toBe(true)
    await decide(world, 0, false)
    await runUntil(world, async () => (await hasNone(0)()) && (await stage.listOpen()).length === 0)
    for (const claim of stage.sentClaims()) await stage.expectRevoked(claim)
    await expectTruth(world)
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
  })

  it('revokes anew, after a while, what a sender that is gone had under way', async () => {
    const { chain, world } = stage
    const next = chain.account(1)
    const identity = await stage.createIdentity(chain.account(7), [chain.owner.address, next.address])
    await chain.test.setAutomine(true)
    await addKey(chain, { to: chain.issuer, manager: chain.owner, key: next.address, purpose: 1n })
    await chain.test.setAutomine(false)
    stage.start({ resolveIdentity: () => ({ identity }) })
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await decide(world, 0, false)
    await runUntil(world, () => noncesOf(REVOKE).length > 0, { turnsPerBlock: 10 ** 6 })
    stage.kill()
    await forget(world)
    const [sent, since] = [world.sent.size, world.scheduler.now()]
    stage.start({ issuer: stage.createIssuer({ account: next }), resolveIdentity: () => ({ identity }) })
    await runUntil(world, () => world.sent.size > sent)
    // Until then, the old one may yet come back and send it.
    expect(world.scheduler.now() - since).toBeGreaterThan(190_000)
    await runUntil(world, isSettled(0))
    for (const claim of stage.sentClaims()) await stage.expectRevoked(claim)
    expect(await stage.readCase(0)).toMatchObject({ kycClaimId: null })
  })

  it('goes on with the other cases while a witness is down, and stores nothing on any', async () => {
    const { world } = stage
    let isDown = true
    const request = (call: RpcRequest) =>
      isDown ? Promise.reject(new Error('connect ECONNREFUSED')) : world.scheduler.outside(() => toRequest(call))
    const witness = createPublicClient({ transport: custom({ request }, { retryCount: 0 }), cacheTime: 0 })
    stage.start({ witnesses: [witness] })
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length === 1)
    await run(world, { turns: 1000, turnsPerBlock: 40 })
    await decide(world, 1, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length === 2)
    await run(world, { turns: 1000, turnsPerBlock: 40 })
    for (const index of [0, 1]) expect(await stage.readCase(index)).toMatchObject({ kycClaimId: null })
    isDown = false
    await runUntil(world, async () => (await hasClaim(0)()) && (await hasClaim(1)()))
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
  })

  it('goes on with the other cases where the endpoint keeps the state of a few blocks only, and stores nothing on any', async () => {
    const { chain, world } = stage
    world.intercept = ({ method, params = [] }, answer) => {
      const [, block] = params
      if (!/eth_(call|get(TransactionCount|Balance|Code))/.test(method) || !/^0x/.test(String(block))) return undefined
      return chain.client.getBlockNumber({ cacheTime: 0 }).then((newest) => {
        if (BigInt(block as Hex) >= newest - 5n) return answer()
        throw Object.assign(new Error('missing trie node 0123 (path ) state is not available'), { code: -32000 })
      })
    }
    stage.start()
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length === 1)
    await run(world, { turns: 1000, turnsPerBlock: 40 })
    await decide(world, 1, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length === 2)
    await run(world, { turns: 1000, turnsPerBlock: 40 })
    for (const index of [0, 1]) expect(await stage.readCase(index)).toMatchObject({ kycClaimId: null })
    world.intercept = null
    await runUntil(world, async () => (await hasClaim(0)()) && (await hasClaim(1)()))
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
  })

  it('goes on with the other cases where the endpoint has no logs, and stores nothing on the one that needs them', async () => {
    stage.start()
    await decide(stage.world, 0, true)
    await runUntil(stage.world, hasClaim(0))
    const { kycClaimTxHash } = await stage.readCase(0)
    stage.kill()
    await stage.loseStorage()
    stage.world.intercept = ({ method }) =>
      method === 'eth_getLogs'
        ? Promise.reject(Object.assign(new Error('the method eth_getLogs is not available'), { code: -32601 }))
        : undefined
    stage.start()
    await decide(stage.world, 0, true)
    await decide(stage.world, 1, true)
    await runUntil(stage.world, hasClaim(1))
    expect(await stage.readCase(0)).toMatchObject({ kycClaimId: null })
    expect((await stage.readWork(0))?.request.reason).toBe('chain_unreachable')
    stage.world.intercept = null
    await runUntil(stage.world, hasClaim(0))
    expect(await stage.readCase(0)).toMatchObject({ kycClaimTxHash })
    expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
  })

  it.each([
    ['once', 1, true],
    ['eight times', 8, true],
    ['again and again', 10 ** 6, false],
  ])('where a source says %s that there is no such case, believes it only in the end', async (_, lies, isIssued) => {
    const { world } = stage
    const reasons = noteReasons()
    const source = stage.createSource('feed')
    let asked = 0
    const readCase: ClaimSource['readCase'] = async (caseId) => (asked++ < lies ? null : source.readCase(caseId))
    stage.start({ source: { ...source, readCase } })
    await decide(world, 0, true)
    await runUntil(world, isIssued ? hasClaim(0) : () => reasons.includes('not_verified'))
    expect(reasons.filter((reason) => reason === 'case_not_visible')).toHaveLength(Math.min(lies, 8))
    if (isIssued) await truth()
    else expect([await isSettled(0)(), world.sent.size]).toEqual([true, 0])
  })

  it('asks ever less often where the case takes no reference and shows none', async () => {
    const { world } = stage
    const source = stage.createSource('feed')
    let stored = 0
    let isContrary = true
    const storeClaim: ClaimSource['storeClaim'] = async (caseId, reference) => {
      stored += 1
      return isContrary ? 'conflict' : source.storeClaim(caseId, reference)
    }
    stage.start({ source: { ...source, storeClaim } })
    await decide(world, 0, true)
    await runUntil(world, () => stored > 0)
    const end = world.scheduler.now() + 60_000
    await runUntil(world, () => world.scheduler.now() >= end)
    expect(stored).toBeGreaterThan(2)
    expect(stored).toBeLessThan(9)
    isContrary = false
    await runUntil(world, hasClaim(0))
    await truth()
  })

  it.each([
    ['at once', 0n],
    ['6,000 blocks later, from an endpoint that refuses wide ranges of them', 6000n],
  ])('knows by the chain’s log the identities that were made before the store was lost: %s', async (_, gap) => {
    stage.start()
    await decide(stage.world, 0, true)
    await runUntil(stage.world, hasClaim(0))
    const { kycClaimId, kycClaimTxHash } = await stage.readCase(0)
    stage.kill()
    await stage.loseStorage()
    const last = await stage.chain.client.getBlockNumber({ cacheTime: 0 })
    await mine(stage.world, 1)
    const wide: bigint[] = []
    stage.world.intercept = (request) => {
      const [{ fromBlock, toBlock } = {}] = (request.params ?? []) as { fromBlock?: Hex; toBlock?: Hex }[]
      if (gap === 0n) return undefined
      const width = request.method === 'eth_getLogs' ? BigInt(toBlock ?? 0) - BigInt(fromBlock ?? 0) + 1n : 0n
      if (width <= 5000n) return askWithGap(toRequest, { request, last, gap })
      wide.push(width)
      return Promise.reject(Object.assign(new Error('block range is too wide'), { code: -32005 }))
    }
    stage.start()
    await decide(stage.world, 0, true)
    await runUntil(stage.world, hasClaim(0))
    expect(await stage.readCase(0)).toMatchObject({ kycClaimId, kycClaimTxHash })
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
    expect(toKinds()).toEqual([])
    expect(wide.every((width) => width > gap)).toBe(true)
    expect(wide.length > 0).toBe(gap > 0n)
  })
})

/** Asks a chain on which so many empty blocks come after the last one: to mine them would take anvil most of a minute. */
async function askWithGap(
  ask: (request: RpcRequest) => Promise<unknown>,
  { request: { method, params = [] }, last, gap }: { request: RpcRequest; last: bigint; gap: bigint },
): Promise<unknown> {
  const toHex = (block: bigint): Hex => `0x${block.toString(16)}`
  const toShown = (block: unknown) => toHex(BigInt(block as Hex) + (BigInt(block as Hex) > last ? gap : 0n))
  const toReal = (block: bigint, within: bigint) => (block <= last ? block : block > last + gap ? block - gap : within)
  if (method === 'eth_getLogs') {
    const [filter] = params as [{ fromBlock: Hex; toBlock: Hex }]
    const [from, to] = [toReal(BigInt(filter.fromBlock), last + 1n), toReal(BigInt(filter.toBlock), last)]
    return from > to ? [] : ask({ method, params: [{ ...filter, fromBlock: toHex(from), toBlock: toHex(to) }] })
  }
  const isNumber = (param: unknown) => typeof param === 'string' && /^0x[0-9a-f]{1,8}$/.test(param)
  const real = params.map((param) => (isNumber(param) ? toHex(toReal(BigInt(param as Hex), last)) : param))
  const answer = await ask({ method, params: real })
  if (method === 'eth_blockNumber') return toShown(answer)
  if (method !== 'eth_getBlockByNumber') return answer
  return { ...(answer as object), number: toShown((answer as { number: Hex }).number) }
}
