import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EventPosition, isOlderEvent } from '../src/event-order.js'

const NOON = '2026-01-01T12:00:00.000Z'
const at = (iso: string, rank: number, id: string): EventPosition => ({ occurredAt: new Date(iso), rank, id })

/** The same order, written as PostgreSQL sorts: by time, then rank, then the id by its bytes. */
function compare(left: EventPosition, right: EventPosition): number {
  const byTime = Number(left.occurredAt) - Number(right.occurredAt)
  return byTime || left.rank - right.rank || Buffer.compare(Buffer.from(left.id), Buffer.from(right.id))
}

// Few different values, so that ties are common; ids of every plane of Unicode, but no halves of a pair.
const position: fc.Arbitrary<EventPosition> = fc.record({
  occurredAt: fc.constantFrom(-5, 0, 1, 1_767_323_045_000, 1_767_323_045_001).map((ms) => new Date(ms)),
  rank: fc.nat({ max: 3 }),
  id: fc.oneof(
    fc.constantFrom('evt_1', 'evt_10', 'evt_2', 'Evt_1', 'evt_é', 'evt_\uffff', 'evt_😀'),
    fc.string({ unit: 'binary' }),
  ),
})

describe('an event', () => {
  it('is never older than nothing', () => {
    expect(isOlderEvent(at(NOON, 0, ''), null)).toBe(false)
  })

  it.each([
    ['an earlier time', at('2026-01-01T00:00:00.000Z', 9, 'z'), at('2026-01-01T00:00:00.001Z', 0, 'a')],
    ['a lower rank at one time', at('2026-01-01T00:00:00Z', 1, 'z'), at('2026-01-01T00:00:00Z', 2, 'a')],
    ['a lower id at one time and rank', at('2026-01-01T00:00:00Z', 1, 'a'), at('2026-01-01T00:00:00Z', 1, 'b')],
    ['an id that the other one continues', at(NOON, 1, 'evt_1'), at(NOON, 1, 'evt_10')],
    ['an upper-case id', at(NOON, 1, 'evt_Z'), at(NOON, 1, 'evt_a')],
    ['an id below the surrogates', at(NOON, 1, '\uffff'), at(NOON, 1, '😀')],
  ])('is older by %s', (_name, older, newer) => {
    expect(isOlderEvent(older, newer)).toBe(true)
    expect(isOlderEvent(newer, older)).toBe(false)
  })

  it('counts as older than itself: the same event again moves nothing', () => {
    fc.assert(fc.property(position, (event) => isOlderEvent(event, { ...event })))
  })
})

describe('the order of events', () => {
  it('is that of PostgreSQL’s "C" collation', () => {
    fc.assert(
      fc.property(position, position, (left, right) => {
        expect(isOlderEvent(left, right)).toBe(compare(left, right) <= 0)
      }),
      { numRuns: 2000 },
    )
  })

  it('is total: of two different events one is older, and never both', () => {
    fc.assert(
      fc.property(position, position, (left, right) => {
        fc.pre(compare(left, right) !== 0)
        expect(isOlderEvent(left, right)).not.toBe(isOlderEvent(right, left))
      }),
      { numRuns: 1000 },
    )
  })

  it('is transitive', () => {
    fc.assert(
      fc.property(position, position, position, (a, b, c) => {
        fc.pre(isOlderEvent(a, b) && isOlderEvent(b, c))
        expect(isOlderEvent(a, c)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('ends with the same event, in whichever order they arrive', () => {
    const newest = (events: EventPosition[]) =>
      events.reduce<EventPosition | null>((last, event) => (isOlderEvent(event, last) ? last : event), null)
    const history = fc.uniqueArray(position, { minLength: 1, maxLength: 8, selector: ({ id }) => id })
    const shuffled = history.chain((events) =>
      fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
    )
    fc.assert(
      fc.property(shuffled, ([events, others]) => {
        expect(newest(others)).toEqual([...events].sort(compare).at(-1))
        expect(newest(others)).toEqual(newest(events))
      }),
      { numRuns: 500 },
    )
  })
})
