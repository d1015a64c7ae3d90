import type { KycStorage, Transition } from '@persona-kyc/core'
import type { Knex } from 'knex'
import { expect } from 'vitest'
import { pause } from './load.js'

/** Somebody who reads the feed all the time, whatever happens to the database. */
export interface FeedWitness {
  /** Reads to the end, and resolves with all that was seen, in the order in which it was. */
  finish(): Promise<readonly Transition[]>
}

/** Starts to read the feed. */
export function startWitness(storage: KycStorage): FeedWitness {
  const seen: Transition[] = []
  let after: string | null = null
  let isOver = false
  const read = async () => {
    const page = await storage.readFeed({ after, limit: 50 })
    seen.push(...page.items)
    after = page.next
    return page.items.length
  }
  const watch = async () => {
    while (!isOver) if ((await read().catch(() => 0)) === 0) await pause(5)
  }
  const watching = watch()
  return {
    async finish() {
      isOver = true
      await watching
      while ((await read()) > 0);
      return seen
    },
  }
}

/**
 * Expects that every acknowledged event is stored, that none counts for two, and that who read the feed has seen each
 * transition once, and each case's in order. Resolves with the number of transitions.
 */
export async function expectNothingLost(
  knex: Knex,
  acknowledged: ReadonlySet<string>,
  seen: readonly Transition[],
): Promise<number> {
  const stored = await select<{ id: string }>(knex, 'select id from persona_kyc.kyc_events')
  const ids = new Set(stored.map(({ id }) => id))
  expect(
    [...acknowledged].filter((id) => !ids.has(id)),
    'acknowledged and not stored',
  ).toEqual([])
  expect(ids.size, 'no event is stored twice').toBe(stored.length)

  const transitions = await select<{ case_id: string; revision: number; event_id: string }>(
    knex,
    'select case_id, revision, event_id from persona_kyc.kyc_transitions order by case_id, revision',
  )
  expect(new Set(transitions.map(({ event_id: id }) => id)).size, 'one transition an event').toBe(transitions.length)
  const written = transitions.map(({ case_id: caseId, revision }) => `${caseId} ${revision}`)
  const told = seen.map(({ caseId, revision }) => `${caseId} ${revision}`)
  expect([...told].sort(), 'the feed tells every transition, and none twice').toEqual([...written].sort())
  const last = new Map<string, Transition>()
  for (const transition of seen) {
    const before = last.get(transition.caseId)
    expect(transition.revision, 'the feed has no hole and no turn').toBe((before?.revision ?? 0) + 1)
    expect(transition.from, 'a transition begins where the last one ended').toBe(before?.to ?? 'pending')
    last.set(transition.caseId, transition)
  }
  return transitions.length
}

async function select<Row>(knex: Knex, sql: string): Promise<Row[]> {
  const { rows } = await knex.raw<{ rows: Row[] }>(sql)
  return rows
}
