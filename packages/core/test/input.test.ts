import { describe, expect, it } from 'vitest'
import type { Decision } from '../src/decide-case.js'
import { toRejection } from './canaries.js'
import { createTestEngine, USER } from './test-engine.js'

describe('the engine refuses, before anything is stored,', () => {
  it.each([
    ['no user id', { ...USER, userId: '' }],
    ['a user id with NUL', { ...USER, userId: 'a\0' }],
    ['half a surrogate pair, which the database would merge with others', { ...USER, userId: 'a\ud800' }],
    ['a user id that is too long', { ...USER, userId: 'a'.repeat(256) }],
    ['no document type', { ...USER, documentType: '' }],
    ['an idempotency key that is too long', { ...USER, idempotencyKey: 'a'.repeat(256) }],
  ])('%s', async (_, options) => {
    const { engine } = createTestEngine()
    expect(await toRejection(engine.initiateKyc(options))).toMatchObject({ code: 'argument_invalid' })
    expect((await engine.listCases()).items).toEqual([])
  })

  it.each([0, -1, 1.5, 501, Number.NaN])('a page of %d', async (limit) => {
    const { engine } = createTestEngine()
    expect(await toRejection(engine.listCases({ limit }))).toMatchObject({ code: 'argument_invalid' })
    expect(await toRejection(engine.readFeed({ limit }))).toMatchObject({ code: 'argument_invalid' })
  })

  it('a decision that it does not know, rather than take it for another', async () => {
    const { engine, persona } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    const decision = 'aprove' as Decision
    expect(await toRejection(engine.decideCase(kycCase.id, { decision }))).toMatchObject({ code: 'argument_invalid' })
    expect(persona.calls.markForReview).not.toHaveBeenCalled()
  })
})
