import { describe, expect, it, vi } from 'vitest'
import { StorageError } from '../src/errors.js'
import { createMemoryStorage } from '../src/memory-storage.js'
import { toRejection } from './canaries.js'
import { after, createTestEngine, START, USER } from './test-engine.js'

const CLAIM = { kycClaimId: `0x${'ab'.repeat(32)}`, kycClaimTxHash: `0x${'cd'.repeat(32)}` }

async function startCase(status: string | null = null, options: Parameters<typeof createTestEngine>[0] = {}) {
  const test = createTestEngine(options)
  const { kycCase } = await test.engine.initiateKyc(USER)
  if (status !== null) await test.deliver({ id: 'evt_1', status, createdAt: after(1) })
  return { ...test, kycCase }
}

describe('a claim', () => {
  it('is stored with a verified case', async () => {
    const { engine, kycCase } = await startCase('approved')
    expect(await engine.updateClaim(kycCase.id, CLAIM)).toMatchObject({ id: kycCase.id, ...CLAIM })
    expect(await engine.getCase(kycCase.id)).toMatchObject(CLAIM)
  })

  it('may be told again, in upper or lower case', async () => {
    const { engine, kycCase } = await startCase('approved')
    await engine.updateClaim(kycCase.id, { ...CLAIM, kycClaimId: CLAIM.kycClaimId.toUpperCase().replace('X', 'x') })
    expect(await engine.updateClaim(kycCase.id, CLAIM)).toMatchObject(CLAIM)
    const upper = { ...CLAIM, kycClaimTxHash: `0x${'CD'.repeat(32)}` }
    expect(await engine.updateClaim(kycCase.id, upper)).toMatchObject(CLAIM)
  })

  it('that is no hex keeps its case, and its other spelling is another', async () => {
    const { engine, kycCase } = await startCase('approved')
    const claim = { kycClaimId: 'Claim-Ä', kycClaimTxHash: 'Tx' }
    expect(await engine.updateClaim(kycCase.id, claim)).toMatchObject(claim)
    const other = { ...claim, kycClaimId: 'claim-ä' }
    expect(await toRejection(engine.updateClaim(kycCase.id, other))).toMatchObject({ code: 'claim_conflict' })
  })

  it('of another id or transaction is a conflict, and the first one stays', async () => {
    const { engine, kycCase } = await startCase('approved')
    await engine.updateClaim(kycCase.id, CLAIM)
    for (const other of [
      { ...CLAIM, kycClaimId: '0x01' },
      { ...CLAIM, kycClaimTxHash: '0x02' },
    ]) {
      expect(await toRejection(engine.updateClaim(kycCase.id, other))).toMatchObject({ code: 'claim_conflict' })
    }
    expect(await engine.getCase(kycCase.id)).toMatchObject(CLAIM)
  })

  it.each([null, 'declined', 'needs_review'])('is refused for a case that is not verified: %s', async (status) => {
    const { engine, kycCase } = await startCase(status)
    expect(await toRejection(engine.updateClaim(kycCase.id, CLAIM))).toMatchObject({ code: 'case_not_verified' })
  })

  it('is refused for a case that nobody knows', async () => {
    const { engine } = createTestEngine()
    expect(await toRejection(engine.updateClaim('nobody', CLAIM))).toMatchObject({ code: 'case_not_found' })
  })

  it('is stored once of 50 different ones at a time', async () => {
    const { engine, kycCase } = await startCase('approved')
    const claims = Array.from({ length: 50 }, (_, index) => ({
      kycClaimId: `0x${index}`,
      kycClaimTxHash: `0x${index}`,
    }))
    const results = await Promise.allSettled(claims.map((claim) => engine.updateClaim(kycCase.id, claim)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('clearing a claim', () => {
  async function startClaimed() {
    const test = await startCase('approved')
    await test.engine.updateClaim(test.kycCase.id, CLAIM)
    return test
  }

  it('removes its reference, also when it is told in upper case', async () => {
    const { engine, clock, kycCase } = await startClaimed()
    clock.ms += 5000
    const upper = { kycClaimId: `0x${'AB'.repeat(32)}`, kycClaimTxHash: `0x${'CD'.repeat(32)}` }
    const cleared = await engine.clearClaim(kycCase.id, upper)
    expect(cleared).toMatchObject({ id: kycCase.id, status: 'verified', kycClaimId: null, kycClaimTxHash: null })
    expect(cleared.updatedAt).toEqual(new Date(START + 5000))
    expect(await engine.getCase(kycCase.id)).toEqual(cleared)
  })

  it('is fine where there is none, any number of times at once', async () => {
    const { engine, kycCase } = await startClaimed()
    const answers = await Promise.all(Array.from({ length: 50 }, () => engine.clearClaim(kycCase.id, CLAIM)))
    for (const { kycClaimId } of answers) expect(kycClaimId).toBeNull()
    expect(await engine.clearClaim(kycCase.id, { ...CLAIM, kycClaimId: '0x01' })).toMatchObject({ kycClaimId: null })
  })

  it('of another id or transaction is a conflict, and the claim stays', async () => {
    const { engine, kycCase } = await startClaimed()
    for (const other of [
      { ...CLAIM, kycClaimId: '0x01' },
      { ...CLAIM, kycClaimTxHash: '0x02' },
    ]) {
      expect(await toRejection(engine.clearClaim(kycCase.id, other))).toMatchObject({ code: 'claim_conflict' })
    }
    expect(await engine.getCase(kycCase.id)).toMatchObject(CLAIM)
  })

  it('is refused for a case that nobody knows', async () => {
    const { engine } = createTestEngine()
    expect(await toRejection(engine.clearClaim('nobody', CLAIM))).toMatchObject({ code: 'case_not_found' })
  })

  it.each(['', 'x'.repeat(129), 'a\u0000', undefined])('is refused with an id that is none: %j', async (id) => {
    const { engine, storage, kycCase } = await startClaimed()
    const clear = vi.spyOn(storage, 'clearClaim')
    for (const name of ['kycClaimId', 'kycClaimTxHash']) {
      const claim = { ...CLAIM, [name]: id }
      expect(await toRejection(engine.clearClaim(kycCase.id, claim))).toMatchObject({ code: 'argument_invalid' })
    }
    expect(clear).not.toHaveBeenCalled()
  })

  it('lets a case that is verified anew take another claim', async () => {
    const { engine, deliver, kycCase } = await startClaimed()
    await deliver({ id: 'evt_2', status: 'declined', createdAt: after(2) })
    expect((await engine.listCases({ claim: 'stale' })).items).toMatchObject([
      { id: kycCase.id, revision: 2, ...CLAIM },
    ])
    await engine.clearClaim(kycCase.id, CLAIM)
    expect((await engine.listCases({ claim: 'stale' })).items).toEqual([])
    const other = { kycClaimId: '0x01', kycClaimTxHash: '0x02' }
    expect(await toRejection(engine.updateClaim(kycCase.id, other))).toMatchObject({ code: 'case_not_verified' })
    await deliver({ id: 'evt_3', status: 'approved', createdAt: after(3) })
    expect(await engine.updateClaim(kycCase.id, other)).toMatchObject({ revision: 3, status: 'verified', ...other })
    expect(await toRejection(engine.clearClaim(kycCase.id, CLAIM))).toMatchObject({ code: 'claim_conflict' })
  })

  it('that is still there keeps a case that is verified anew from another one', async () => {
    const { engine, deliver, kycCase } = await startClaimed()
    await deliver({ id: 'evt_2', status: 'declined', createdAt: after(2) })
    await deliver({ id: 'evt_3', status: 'approved', createdAt: after(3) })
    const other = { ...CLAIM, kycClaimTxHash: '0x02' }
    expect(await toRejection(engine.updateClaim(kycCase.id, other))).toMatchObject({ code: 'claim_conflict' })
  })
})

describe('a transition', () => {
  it('to verified is logged as ready for its claim', async () => {
    const { logger, kycCase } = await startCase('approved')
    expect(logger.entries).toContainEqual({
      level: 'info',
      fields: { caseId: kycCase.id, revision: 1 },
      message: 'ready to issue identity claim',
    })
  })

  it.each(['declined', 'needs_review', 'pending'])('by %s is not', async (status) => {
    const { logger } = await startCase(status)
    expect(logger.entries.map(({ message }) => message)).not.toContain('ready to issue identity claim')
  })

  it('is told to onTransition, once, after it is committed', async () => {
    const seen: string[] = []
    const test = createTestEngine({
      onTransition: async ({ caseId }) => void seen.push((await test.engine.getCase(caseId)).status),
    })
    await test.engine.initiateKyc(USER)
    for (let times = 0; times < 3; times++) await test.deliver({ id: 'evt_1', status: 'approved', createdAt: after(1) })
    await test.deliver({ id: 'evt_2', status: 'completed', createdAt: after(2) })
    expect(seen).toEqual(['verified'])
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('canary-9f31c7')
      },
    ],
    ['rejects', () => Promise.reject(new Error('canary-9f31c7'))],
  ])('stands though onTransition %s, and the log has the name of the error only', async (_name, onTransition) => {
    const { engine, logger, kycCase } = await startCase('approved', { onTransition })
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
    const entry = logger.entries.find(({ message }) => message === 'onTransition failed')
    expect(entry).toMatchObject({ level: 'error', fields: { caseId: kycCase.id, error: 'Error' } })
    expect(JSON.stringify(logger.entries)).not.toContain('canary')
  })
})

describe('health', () => {
  it('tells of storage and Persona', async () => {
    const { engine, persona, clock, storage } = createTestEngine()
    expect(await engine.health()).toEqual({ storage: 'ok', persona: 'ok' })
    persona.health.mockResolvedValue({ status: 'unauthorized', latencyMs: 1 })
    const down = new StorageError('storage_unavailable', { problem: 'It is down.', fix: 'Wait.' })
    vi.spyOn(storage, 'ping').mockRejectedValue(down)
    clock.ms += 15_000
    expect(await engine.health()).toEqual({ storage: 'unreachable', persona: 'unauthorized' })
  })

  it('asks Persona at most every 15 seconds, however many ask', async () => {
    const { engine, persona, clock } = createTestEngine()
    await Promise.all(Array.from({ length: 20 }, () => engine.health()))
    clock.ms += 14_999
    await engine.health()
    expect(persona.health).toHaveBeenCalledOnce()
    clock.ms += 1
    await engine.health()
    expect(persona.health).toHaveBeenCalledTimes(2)
  })
})

describe('another storage', () => {
  it('has its own cases, and the first one is left alone', async () => {
    const { engine } = createTestEngine()
    const other = engine.withStorage(createMemoryStorage())
    const here = await engine.initiateKyc(USER)
    const there = await other.initiateKyc(USER)
    expect([here.created, there.created]).toEqual([true, true])
    expect(await toRejection(other.getCase(here.kycCase.id))).toMatchObject({ code: 'case_not_found' })
    expect((await engine.listCases({})).items).toHaveLength(1)
  })

  it('takes part in a transaction: what that storage drops has not happened', async () => {
    const { engine, storage } = createTestEngine()
    const createCase = vi.spyOn(storage, 'createCase')
    await engine.withStorage(createMemoryStorage()).initiateKyc(USER)
    expect(createCase).not.toHaveBeenCalled()
    expect((await engine.listCases({})).items).toEqual([])
  })
})

describe('the lists', () => {
  async function startMany(count: number) {
    const test = createTestEngine()
    for (let index = 0; index < count; index++) {
      test.clock.ms = START + index * 1000
      await test.engine.initiateKyc({ ...USER, userId: `user_${index}` })
      const status = index % 2 === 0 ? 'approved' : 'declined'
      await test.deliver({ id: `evt_${index}`, inquiryId: `inq_${index + 1}`, status, createdAt: after(index) })
    }
    return test
  }

  it('of cases page through all of them, in the order of their creation', async () => {
    const { engine } = await startMany(7)
    const users: string[] = []
    let next: string | null = null
    do {
      const page = await engine.listCases({ limit: 3, after: next })
      users.push(...page.items.map(({ userId }) => userId))
      next = page.next
    } while (next !== null)
    expect(users).toEqual(Array.from({ length: 7 }, (_, index) => `user_${index}`))
  })

  it('of cases filter by state and claim', async () => {
    const { engine } = await startMany(4)
    const verified = await engine.listCases({ status: 'verified' })
    expect(verified.items.map(({ userId }) => userId)).toEqual(['user_0', 'user_2'])
    await engine.updateClaim(verified.items[0]?.id ?? '', CLAIM)
    const missing = await engine.listCases({ status: 'verified', claim: 'missing' })
    expect(missing.items.map(({ userId }) => userId)).toEqual(['user_2'])
    const present = await engine.listCases({ claim: 'present' })
    expect(present.items.map(({ userId }) => userId)).toEqual(['user_0'])
  })

  it('of transitions go on from next, and miss none that come later', async () => {
    const { engine, deliver } = await startMany(3)
    const first = await engine.readFeed({ limit: 2 })
    expect(first.items.map(({ eventId }) => eventId)).toEqual(['evt_0', 'evt_1'])
    const second = await engine.readFeed({ after: first.next })
    expect(second.items.map(({ eventId }) => eventId)).toEqual(['evt_2'])
    expect((await engine.readFeed({ after: second.next })).items).toEqual([])
    await deliver({ id: 'evt_9', status: 'declined', createdAt: after(100) })
    const third = await engine.readFeed({ after: second.next })
    expect(third.items).toMatchObject([{ eventId: 'evt_9', from: 'verified', to: 'rejected', revision: 2 }])
  })

  it('of events page through the trail of one case', async () => {
    const { engine, deliver, clock, kycCase } = await startCase()
    for (let index = 0; index < 5; index++) {
      clock.ms += 1000
      await deliver({ id: `evt_${index}`, name: 'inquiry.started', status: 'pending', createdAt: after(index) })
    }
    const first = await engine.listCaseEvents(kycCase.id, { limit: 3 })
    const rest = await engine.listCaseEvents(kycCase.id, { limit: 3, after: first.next })
    expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(['evt_0', 'evt_1', 'evt_2', 'evt_3', 'evt_4'])
    expect(rest.next).toBeNull()
    expect(await toRejection(engine.listCaseEvents('nobody', {}))).toMatchObject({ code: 'case_not_found' })
  })
})
