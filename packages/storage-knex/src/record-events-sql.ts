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
  const { events } = tables
  return toStatement(tables, {
    waits,
    recorded: `
      insert into ${events} (id, name, case_id, inquiry_id, outcome, persona_status, occurred_at, received_at,
        attempts_made, attempts_left, first_attempted_at)
      select id, name, case_id, inquiry_id,
        case when status is not null and case_id is null then 'unmatched' else outcome end,
        persona_status, occurred_at, received_at, attempts_made, attempts_left, first_attempted_at
      from work
      order by id
      on conflict (id) do nothing
      returning id, outcome`,
    // A scalar: of an EXISTS the planner may make a hash of the whole table.
    mayMatch: `r.outcome is null and w.case_id is not null
      and coalesce((select e.outcome = 'unmatched' from ${events} e where e.id = w.id), true)`,
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
        name = w.name, case_id = w.case_id, outcome = w.outcome, persona_status = w.persona_status,
        occurred_at = w.occurred_at
      from work w
      where e.id = w.id and w.case_id is not null and e.outcome = 'unmatched' and e.inquiry_id = w.inquiry_id
      returning e.id, e.outcome`,
    mayMatch: 'false',
  })
}

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

interface StatementParts extends RecordEventsOptions {
  readonly recorded: string
  readonly mayMatch: string
}

function toStatement({ cases, transitions, feed }: TableNames, { waits, recorded, mayMatch }: StatementParts): string {
  const currentXid = toFeedXid('pg_current_xact_id()', `(select xid_offset from ${feed})`)
  const columns = CASE_COLUMNS.join(', ')
  const ofEvent = `${cases} c where c.persona_inquiry_id = g.inquiry_id
          or (c.id = g.reference_id and g.inquiry_id is not null)`
  // A case that is there and not among the targets is held by somebody else: also that of the inquiry, where the one of the
  // reference was free.
  const unlessHeld = waits
    ? ''
    : `where t.persona_inquiry_id = g.inquiry_id or (
        (select c.id from ${cases} c where c.persona_inquiry_id = g.inquiry_id) is null
        and (t.id is not null or not exists (select 1 from ${ofEvent})))`
  return `
    with given as materialized (
      select * from json_to_recordset($1) as event (place integer, id text, name text, inquiry_id text,
        reference_id text, persona_status text, status text, score double precision, occurred_at timestamptz,
        rank smallint, received_at timestamptz, attempts_made integer, attempts_left integer,
        first_attempted_at timestamptz)
    ),
    target as materialized (
      select g.place, c.*
      from (select * from given order by inquiry_id, place) g cross join lateral (
        select * from ${ofEvent}
        order by (c.persona_inquiry_id = g.inquiry_id) is true desc
        limit 1
        for update${waits ? '' : ' skip locked'}
      ) c
    ),
    work as materialized (
      select g.*, t.id as case_id, t.status as previous_status,
        case
          when g.status is null then 'ignored'
          when t.erased_at is not null or t.persona_inquiry_id <> g.inquiry_id then 'stale'
          when (t.last_event_at, t.last_event_rank, t.last_event_id) >= (g.occurred_at, g.rank, g.id) then 'stale'
          else 'applied'
        end as outcome
      from given g left join target t using (place)
      ${unlessHeld}
    ),
    recorded as (${recorded}
    ),
    moved as (
      update ${cases} c set
        persona_inquiry_id = w.inquiry_id,
        initiating_until = case when c.persona_inquiry_id is not null then c.initiating_until end,
        persona_status = w.persona_status,
        status = w.status,
        verification_score = w.score,
        verified_at = case when w.status = 'verified' then coalesce(c.verified_at, w.occurred_at) end,
        persona_session_token = case when w.status = 'pending' then c.persona_session_token end,
        is_open = w.status in ('pending', 'review') and c.erased_at is null and (c.is_open or not exists (
          select 1 from ${cases} other where other.user_id = c.user_id and other.is_open and other.id <> c.id)),
        revision = c.revision + case when w.previous_status <> w.status then 1 else 0 end,
        feed_xid = case when w.previous_status <> w.status
          then greatest(${currentXid}, c.feed_xid) else c.feed_xid end,
        last_event_at = w.occurred_at,
        last_event_rank = w.rank,
        last_event_id = w.id,
        updated_at = w.received_at
      from work w join recorded r on r.id = w.id
      -- Put so that the planner counts on few: it then finds each case by the index, in a table of any size.
      where c.id = w.case_id and r.outcome || '' = 'applied'
      returning w.place, w.id as event_id, w.name, w.occurred_at, w.received_at, w.previous_status, c.feed_xid,
        ${toColumns('c')}
    ),
    appended as (
      insert into ${transitions} (case_id, revision, from_status, to_status, score, persona_status,
        event_id, event_name, occurred_at, recorded_at, feed_xid)
      select id, revision, previous_status, status, verification_score, persona_status,
        event_id, name, occurred_at, received_at, feed_xid
      from moved where previous_status <> status
    ),
    present as (
      select place, ${columns} from moved
      union all
      select place, ${columns} from target t where not exists (select 1 from moved m where m.place = t.place)
    )
    select w.place, coalesce(r.outcome, 'duplicate') as outcome, ${mayMatch} as may_match, w.previous_status,
      ${toColumns('p')}
    from work w left join recorded r on r.id = w.id left join present p on p.place = w.place`
}

function toColumns(table: string): string {
  return CASE_COLUMNS.map((column) => `${table}.${column}`).join(', ')
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
