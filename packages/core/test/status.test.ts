import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../src/errors.js'
import { createStatusPolicy, type StatusTable, toPersonaStatus, toStatusRank } from '../src/status.js'

const PENDING = { status: 'pending', score: null }
const VERIFIED = { status: 'verified', score: 1 }
const REJECTED = { status: 'rejected', score: 0 }
const REVIEW = { status: 'review', score: 0.5 }

describe.each([
  ['created', PENDING, PENDING],
  ['pending', PENDING, PENDING],
  ['expired', PENDING, PENDING],
  ['completed', VERIFIED, PENDING],
  ['approved', VERIFIED, VERIFIED],
  ['failed', REJECTED, REJECTED],
  ['declined', REJECTED, REJECTED],
  ['needs_review', REVIEW, REVIEW],
  ['needs-review', REVIEW, REVIEW],
  ['needsReview', REVIEW, REVIEW],
  ['marked-for-review', REVIEW, REVIEW],
  ['a_status_of_2031', PENDING, PENDING],
  ['', PENDING, PENDING],
  ['__proto__', PENDING, PENDING],
  ['constructor', PENDING, PENDING],
])('the status %s', (status, completed, decision) => {
  it('is judged by the default table', () => {
    expect(createStatusPolicy()(status)).toEqual(completed)
    expect(createStatusPolicy('completed')(status)).toEqual(completed)
  })

  it('is judged by the table for decisions', () => {
    expect(createStatusPolicy('decision')(status)).toEqual(decision)
  })
})

describe('a table of your own', () => {
  it('is used instead of the tables of the library', () => {
    const policy = createStatusPolicy({ approved: { status: 'review', score: 0.75 } })
    expect(policy('approved')).toEqual({ status: 'review', score: 0.75 })
    expect(policy('declined')).toEqual(PENDING)
  })

  it('may be written in any spelling', () => {
    const policy = createStatusPolicy({ 'needs-review': { status: 'rejected', score: 0 } })
    for (const status of ['needs_review', 'needs-review', 'needsReview', 'marked_for_review']) {
      expect(policy(status)).toEqual(REJECTED)
    }
  })

  it('is copied: a later change of it changes nothing', () => {
    const table: Record<string, { status: 'verified' | 'rejected'; score: number }> = {
      approved: { status: 'verified', score: 1 },
    }
    const policy = createStatusPolicy(table)
    table.approved = { status: 'rejected', score: 0 }
    expect(policy('approved')).toEqual(VERIFIED)
  })

  it.each<[string, unknown]>([
    ['an unknown state', { approved: { status: 'accepted', score: 1 } }],
    ['a state that is missing', { approved: { score: 1 } }],
    ['a score above 1', { approved: { status: 'verified', score: 100 } }],
    ['a score below 0', { approved: { status: 'verified', score: -0.1 } }],
    ['a score that is no number', { approved: { status: 'verified', score: Number.NaN } }],
    ['a row that is undefined', { approved: undefined }],
    ['a row that is null', { approved: null }],
    ['a row that is a word', { approved: 'verified' }],
  ])('is refused with %s', (_name, table) => {
    expect(() => createStatusPolicy(table as StatusTable)).toThrow(ConfigurationError)
  })

  it.each(['strict', 'toString', '__proto__', ''])('is refused by the name %j, which no table has', (name) => {
    expect(() => createStatusPolicy(name as 'completed')).toThrow(ConfigurationError)
  })
})

describe('the spelling of a status', () => {
  it.each([
    ['needs_review', 'needs_review'],
    ['needs-review', 'needs_review'],
    ['needsReview', 'needs_review'],
    ['NEEDS_REVIEW', 'needs_review'],
    ['marked-for-review', 'needs_review'],
    ['markedForReview', 'needs_review'],
    ['approved', 'approved'],
    ['Approved', 'approved'],
    ['some-new-thing', 'some_new_thing'],
  ])('of %s is %s', (status, expected) => {
    expect(toPersonaStatus(status)).toBe(expected)
  })

  it('does not change a second time', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const once = toPersonaStatus(text)
        expect(toPersonaStatus(once)).toBe(once)
      }),
    )
  })
})

describe('the ranks', () => {
  it('rise from created to decided', () => {
    const order = ['unheard_of', 'created', 'pending', 'expired', 'completed', 'needs_review', 'approved']
    const ranks = order.map(toStatusRank)
    expect(ranks).toEqual([...ranks].sort((left, right) => left - right))
    expect(new Set(ranks).size).toBe(order.length)
  })

  it('are the same for opposite ends of one step', () => {
    expect(toStatusRank('failed')).toBe(toStatusRank('completed'))
    expect(toStatusRank('declined')).toBe(toStatusRank('approved'))
  })

  it('are 0 for what is unknown', () => {
    expect(['', 'toString', '__proto__', 'hasOwnProperty'].map(toStatusRank)).toEqual([0, 0, 0, 0])
  })
})
