import type { NewEvent } from '@persona-kyc/core'
import type { TableNames } from './schema.js'
import { toFeedXid } from './statements.js'

/** How events are recorded. */
export interface RecordEventsOptions {
  /** Whether to wait for cases that another transaction holds. Else their events are left out, and have no row. */
  readonly waits: boolean
}

/**
 * The statement that records events and moves their cases: one round trip, one transaction of its own. Its only value is
 * that of {@link toEventsJson}; no two of the events may be the same one, or have an inquiry or a reference in common.
 *
 * The cases' rows are locked before anything is decided, so what follows sees their newest state; an event's primary key
 * decides between copies of it. Of a copy it tells, as `may_match`, whether {@link matchEventsSql} is to look at the
 * event again. A transition's `feed_xid` is its transaction's id, or that of the case's
 * transition before where a longer transaction began earlier: so the feed never turns the order of one case around.
 */
export function recordEventsSql(tables: TableNames, { waits }: RecordEventsOptions): string {
  const { cases, events } = tables
  // A case that is there and not among the targets is held by somebody else: nothing is known of its newest state.
  const isUnknown = `not exists (select 1 from ${cases} c where ${isOf('c', 'g')})`
  return toStatement(tables, {
    waits,
    recorded: `
      insert into ${events} (id, name, case_id, inquiry_id, outcome, persona_status, occurred_at, received_at,
        attempts_made, attempts_left, first_attempted_at)
      select g.id, g.name, t.id, g.inquiry_id,
        case when g.status is not null and t.id is null then 'unmatched' else ${OUTCOME} end,
        g.persona_status, g.occurred_at, g.received_at, g.attempts_made, g.attempts_left, g.first_attempted_at
      from given g left join target t using (place)
      ${waits ? '' : `where t.id is not null or ${isUnknown}`}
      order by g.id
      on conflict (id) do nothing
      returning id, case_id, outcome`,
    // A scalar: of an EXISTS the planner may make a hash of the whole table.
    mayMatch: `r.outcome is null and p.id is not null
      and coalesce((select e.outcome = 'unmatched' from ${events} e where e.id = g.id), true)`,
    condition: waits ? '' : `where r.id is not null or p.place is not null or ${isUnknown}`,
  })
}

/**
 * The statement that looks again at events that belonged to no case, and moves the cases that they belong to now. An
 * event's row decides between copies: whoever comes second finds that it is no longer `unmatched`.
 */
export function matchEventsSql(tables: TableNames): string {
  return toStatement(tables, {
    waits: true,
    recorded: `
      update ${tables.events} e set
        name = g.name, case_id = t.id, outcome = ${OUTCOME}, persona_status = g.persona_status,
        occurred_at = g.occurred_at
      from given g join target t using (place)
      where e.id = g.id and e.outcome = 'unmatched' and e.inquiry_id = g.inquiry_id
      returning e.id, e.case_id, e.outcome`,
    mayMatch: 'false',
    condition: '',
  })
}

/** What becomes of an event whose case is there. */
const OUTCOME = `
        case
          when g.status is null then 'ignored'
          when t.erased_at is not null or t.persona_inquiry_id <> g.inquiry_id then 'stale'
          when (t.last_event_at, t.last_event_rank, t.last_event_id) >= (g.occurred_at, g.rank, g.id) then 'stale'
          else 'applied'
        end`

/** What a case's row is read for. Named, so that a column that is added changes no statement's result. */
const CASE_COLUMNS = [
  'id',
  'user_id',
  'document_type',
  'status',
  'verification_score',
  'persona_inquiry_id',
  'persona_session_token',
  'persona_status',
  'kyc_claim_id',
  'kyc_claim_tx_hash',
  'personal_data',
  'created_at',
  'updated_at',
  'verified_at',
  'erased_at',
  'inquiry_attempt',
  'initiating_until',
  'revision',
]

function isOf(kycCase: string, event: string): string {
  return `(${kycCase}.persona_inquiry_id = ${event}.inquiry_id
        or (${kycCase}.id = ${event}.reference_id and ${event}.inquiry_id is not null))`
}

interface StatementParts extends RecordEventsOptions {
  readonly recorded: string
  readonly mayMatch: string
  /** Which events have a row in the result. */
  readonly condition: string
}

function toStatement(
  { cases, transitions, feed }: TableNames,
  { waits, recorded, mayMatch, condition }: StatementParts,
): string {
  const currentXid = toFeedXid('pg_current_xact_id()', `(select xid_offset from ${feed})`)
  const columns = CASE_COLUMNS.join(', ')
  return `
    with given as materialized (
      select * from json_to_recordset($1) as event (place integer, id text, name text, inquiry_id text,
        reference_id text, persona_status text, status text, score double precision, occurred_at timestamptz,
        rank smallint, received_at timestamptz, attempts_made integer, attempts_left integer,
        first_attempted_at timestamptz)
    ),
    target as materialized (
      select g.place, c.*, c.status as previous_status
      from (select * from given order by inquiry_id, place) g cross join lateral (
        select * from ${cases} c where ${isOf('c', 'g')}
        order by (c.persona_inquiry_id = g.inquiry_id) is true desc
        limit 1
        for update${waits ? '' : ' skip locked'}
      ) c
    ),
    recorded as (${recorded}
    ),
    moved as (
      update ${cases} c set
        persona_inquiry_id = g.inquiry_id,
        initiating_until = case when c.persona_inquiry_id is not null then c.initiating_until end,
        persona_status = g.persona_status,
        status = g.status,
        verification_score = g.score,
        verified_at = case when g.status = 'verified' then coalesce(c.verified_at, g.occurred_at) end,
        persona_session_token = case when g.status = 'pending' then c.persona_session_token end,
        is_open = g.status in ('pending', 'review') and c.erased_at is null and (c.is_open or not exists (
          select 1 from ${cases} other where other.user_id = c.user_id and other.is_open and other.id <> c.id)),
        revision = c.revision + case when t.previous_status <> g.status then 1 else 0 end,
        feed_xid = case when t.previous_status <> g.status
          then greatest(${currentXid}, c.feed_xid) else c.feed_xid end,
        last_event_at = g.occurred_at,
        last_event_rank = g.rank,
        last_event_id = g.id,
        updated_at = g.received_at
      from recorded r join given g on g.id = r.id join target t on t.place = g.place
      where c.id = r.case_id and r.outcome = 'applied'
        -- By the index, however few cases there are.
        and c.id = any (array(select case_id from recorded where outcome = 'applied'))
      returning g.place, c.*, t.previous_status
    ),
    appended as (
      insert into ${transitions} (case_id, revision, from_status, to_status, score, persona_status,
        event_id, event_name, occurred_at, recorded_at, feed_xid)
      select m.id, m.revision, m.previous_status, m.status, m.verification_score, m.persona_status,
        g.id, g.name, g.occurred_at, g.received_at, m.feed_xid
      from moved m join given g using (place)
      where m.previous_status <> m.status
    ),
    present as (
      select place, previous_status, ${columns} from moved
      union all
      select place, previous_status, ${columns} from target t
      where not exists (select 1 from moved m where m.place = t.place)
    )
    select g.place, coalesce(r.outcome, 'duplicate') as outcome, ${mayMatch} as may_match, p.previous_status,
      ${CASE_COLUMNS.map((column) => `p.${column}`).join(', ')}
    from given g left join recorded r on r.id = g.id left join present p on p.place = g.place
    ${condition}`
}

/** The value of {@link recordEventsSql}: its rows name an event by its place in the list. */
export function toEventsJson(events: readonly NewEvent[]): string {
  return JSON.stringify(
    events.map(({ id, name, inquiryId, referenceId, effect, receivedAt, delivery }, place) => ({
      place,
      id,
      name,
      inquiry_id: inquiryId,
      reference_id: referenceId,
      received_at: receivedAt,
      persona_status: effect?.personaStatus,
      status: effect?.status,
      score: effect?.score,
      occurred_at: effect?.occurredAt,
      rank: effect?.rank,
      attempts_made: delivery?.attemptsMade,
      attempts_left: delivery?.attemptsLeft,
      first_attempted_at: delivery?.firstAttemptedAt,
    })),
  )
}
