import type { NewEvent } from '@persona-kyc/core'
import { UNTOLD_TIME } from './event-months.js'
import type { TableNames } from './schema.js'
import { toFeedXid } from './statements.js'

/*
 * The statements that record events and move their cases: one round trip, one transaction of its own. There is one for a
 * single event and one for many, of which what happens to an event is the same text.
 *
 * The cases' rows are locked before anything is decided, so what follows sees their newest state; an event's primary key, its
 * time and its id, decides between copies of it. A transition's `feed_xid` is its transaction's id, or that of the case's
 * transition before where a longer transaction began earlier: so the feed never turns the order of one case around.
 */

/**
 * The statement for one event, with the values of {@link toEventValues}. It waits for a case that another transaction holds.
 * Of a copy of an event it tells, as `may_match`, whether {@link matchEventSql} is to look at it again.
 */
export function recordEventSql(tables: TableNames): string {
  const { events, isUnmatched } = tables
  return toStatementOfOne(
    tables,
    `
      insert into ${events} (${STORED_COLUMNS})
      select ${ONE.id}, ${ONE.created_at}, ${ONE.name}, t.id, ${ONE.inquiry_id},
        case when ${ONE.status} is not null and t.id is null then 'unmatched' else ${toOutcome(ONE)} end,
        ${ONE.persona_status}, ${ONE.occurred_at}, ${ONE.received_at}, ${ONE.attempts_made}, ${ONE.attempts_left},
        ${ONE.first_attempted_at}
      from (select 1) one left join target t on true
      on conflict (created_at, id) do nothing
      returning case_id, outcome`,
    `r.outcome is null and p.id is not null and coalesce(${isUnmatched}(${ONE.created_at}, ${ONE.id}), true)`,
  )
}

/**
 * The statement that looks again at an event that belonged to no case, and moves the case that it belongs to now. The
 * event's row decides between copies: whoever comes second finds that it is no longer `unmatched`. Its values are those of
 * {@link toMatchValues}.
 */
export function matchEventSql(tables: TableNames): string {
  return toStatementOfOne(tables, toMatched(tables), 'false')
}

/** The same, which waits half a second at most for a case that another transaction holds, and fails then. */
export function matchEventInTimeSql(tables: TableNames): string {
  const patience = `patience as materialized (select set_config('lock_timeout', '500ms', true)),`
  return toStatementOfOne(tables, toMatched(tables), 'false', { patience, from: 'patience, ' })
}

function toMatched(tables: TableNames): string {
  return `
      update ${tables.events} e set
        name = ${ONE.name}, case_id = t.id, outcome = ${toOutcome(ONE)}, persona_status = ${ONE.persona_status},
        occurred_at = ${ONE.occurred_at}
      from target t
      where e.created_at = ${ONE.created_at} and e.id = ${ONE.id} and e.outcome = 'unmatched'
        and e.inquiry_id = ${ONE.inquiry_id}
      returning e.case_id, e.outcome`
}

/**
 * The statement for many events, with the values of {@link toEventsValues}: no two of them may be the same one, or have an
 * inquiry or a reference in common. It waits for nobody's case: the events of one that is held have no row in the result. For
 * a copy of an event that somebody else is just recording it waits as long as the second value says, and fails then.
 */
export function recordEventsSql(tables: TableNames): string {
  const { cases, events, transitions, isUnmatched } = tables
  const columns = CASE_COLUMNS.join(', ')
  return `
    with patience as materialized (select set_config('lock_timeout', $2, true)),
    given as materialized (
      select event.* from patience, json_to_recordset($1) as event (place integer, id text, created_at timestamptz, name text,
        inquiry_id text, reference_id text, persona_status text, status text, score double precision,
        occurred_at timestamptz, rank smallint, received_at timestamptz, attempts_made integer, attempts_left integer,
        first_attempted_at timestamptz)
    ),
    located as materialized (
      select g.*, ${toCaseId(cases, { inquiry_id: 'g.inquiry_id', reference_id: 'g.reference_id' })} as case_id
      from given g
    ),
    target as materialized (
      select l.place, c.*
      from (select place, case_id from located where case_id is not null order by case_id) l
        cross join lateral (select * from ${cases} c where c.id = l.case_id for update skip locked) c
    ),
    work as materialized (
      select w.*, t.status as previous_status, ${toOutcome(MANY)} as outcome
      from located w left join target t using (place)
      -- Else the case is there, and held by somebody else.
      where w.case_id is null or t.id is not null
    ),
    recorded as (
      insert into ${events} (${STORED_COLUMNS})
      select id, created_at, name, case_id, inquiry_id,
        case when status is not null and case_id is null then 'unmatched' else outcome end,
        persona_status, occurred_at, received_at, attempts_made, attempts_left, first_attempted_at
      from work
      order by id
      on conflict (created_at, id) do nothing
      returning id, outcome
    ),
    moved as (
      update ${cases} c set ${toChanges(tables, MANY, 'w.previous_status')}
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
    select w.place, coalesce(r.outcome, 'duplicate') as outcome, w.previous_status, ${toColumns('p')},
      r.outcome is null and w.case_id is not null and coalesce(${isUnmatched}(w.created_at, w.id), true) as may_match
    from work w left join recorded r on r.id = w.id left join present p on p.place = w.place`
}

function toStatementOfOne(
  tables: TableNames,
  recorded: string,
  mayMatch: string,
  { patience, from } = { patience: '', from: '' },
): string {
  const { cases, transitions } = tables
  return `
    with ${patience} target as (
      select c.*, c.status as previous_status from ${from} ${cases} c where c.id = ${toCaseId(cases, ONE)} for update of c
    ),
    recorded as (${recorded}
    ),
    moved as (
      update ${cases} c set ${toChanges(tables, ONE, 't.previous_status')}
      from recorded r join target t on t.id = r.case_id
      where c.id = r.case_id and r.outcome = 'applied'
      returning c.*, t.previous_status
    ),
    appended as (
      insert into ${transitions} (case_id, revision, from_status, to_status, score, persona_status,
        event_id, event_name, occurred_at, recorded_at, feed_xid)
      select id, revision, previous_status, status, verification_score, persona_status,
        ${ONE.id}, ${ONE.name}, ${ONE.occurred_at}, ${ONE.received_at}, feed_xid
      from moved where previous_status <> status
    ),
    present as (
      select * from moved
      union all
      select * from target where not exists (select 1 from moved)
    )
    select 0 as place, coalesce(r.outcome, 'duplicate') as outcome, p.previous_status, ${toColumns('p')},
      ${mayMatch} as may_match
    from (select 1) one left join recorded r on true left join present p on true`
}

/** Where a statement has the values of an event. */
type EventColumns = Readonly<Record<(typeof EVENT_COLUMNS)[number][0], string>>

const EVENT_COLUMNS = [
  ['id', 'text'],
  ['created_at', 'timestamptz'],
  ['name', 'text'],
  ['inquiry_id', 'text'],
  ['reference_id', 'text'],
  ['persona_status', 'text'],
  ['status', 'text'],
  ['score', 'double precision'],
  ['occurred_at', 'timestamptz'],
  ['rank', 'smallint'],
  ['received_at', 'timestamptz'],
  ['attempts_made', 'integer'],
  ['attempts_left', 'integer'],
  ['first_attempted_at', 'timestamptz'],
] as const
const DELIVERY_COLUMNS = 3

const STORED_COLUMNS = `id, created_at, name, case_id, inquiry_id, outcome, persona_status, occurred_at, received_at,
        attempts_made, attempts_left, first_attempted_at`

const ONE = Object.fromEntries(
  EVENT_COLUMNS.map(([name, type], index) => [name, `cast($${index + 1} as ${type})`]),
) as EventColumns
const MANY = Object.fromEntries(EVENT_COLUMNS.map(([name]) => [name, `w.${name}`])) as EventColumns

/** The case of the event's inquiry, or else the one that it refers to. */
function toCaseId(cases: string, event: Pick<EventColumns, 'inquiry_id' | 'reference_id'>): string {
  return `coalesce(
        (select c.id from ${cases} c where c.persona_inquiry_id = ${event.inquiry_id}),
        (select c.id from ${cases} c where c.id = ${event.reference_id} and ${event.inquiry_id} is not null))`
}

/** What becomes of an event whose case, `t`, is there. */
function toOutcome(event: EventColumns): string {
  return `case
          when ${event.status} is null then 'ignored'
          when t.erased_at is not null or t.persona_inquiry_id <> ${event.inquiry_id} then 'stale'
          when (t.last_event_at, t.last_event_rank, t.last_event_id)
            >= (${event.occurred_at}, ${event.rank}, ${event.id}) then 'stale'
          else 'applied'
        end`
}

/** What an event that is applied makes of its case, `c`. */
function toChanges({ cases, feed }: TableNames, event: EventColumns, previousStatus: string): string {
  const currentXid = toFeedXid('pg_current_xact_id()', `(select xid_offset from ${feed})`)
  const isMoved = `${previousStatus} <> ${event.status}`
  return `
        persona_inquiry_id = ${event.inquiry_id},
        initiating_until = case when c.persona_inquiry_id is not null then c.initiating_until end,
        persona_status = ${event.persona_status},
        status = ${event.status},
        verification_score = ${event.score},
        verified_at = case when ${event.status} = 'verified' then coalesce(c.verified_at, ${event.occurred_at}) end,
        persona_session_token = case when ${event.status} = 'pending' then c.persona_session_token end,
        is_open = ${event.status} in ('pending', 'review') and c.erased_at is null and (c.is_open or not exists (
          select 1 from ${cases} other where other.user_id = c.user_id and other.is_open and other.id <> c.id)),
        revision = c.revision + case when ${isMoved} then 1 else 0 end,
        feed_xid = case when ${isMoved} then greatest(${currentXid}, c.feed_xid) else c.feed_xid end,
        last_event_at = ${event.occurred_at},
        last_event_rank = ${event.rank},
        last_event_id = ${event.id},
        updated_at = ${event.received_at}`
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

function toColumns(table: string): string {
  return CASE_COLUMNS.map((column) => `${table}.${column}`).join(', ')
}

/** The values of {@link recordEventSql}. */
export function toEventValues(event: NewEvent): unknown[] {
  const row = toRow(event)
  return EVENT_COLUMNS.map(([name]) => row[name])
}

/** The values of {@link matchEventSql}: what is known of the first delivery stays, and that of a copy is the end of the row. */
export function toMatchValues(event: NewEvent): unknown[] {
  return toEventValues(event).slice(0, -DELIVERY_COLUMNS)
}

/** The values of {@link recordEventsSql}: a row of its result names an event by its place in the list. */
export function toEventsValues(events: readonly NewEvent[], copyWaitMs: number): unknown[] {
  return [JSON.stringify(events.map((event, place) => ({ place, ...toRow(event) }))), `${copyWaitMs}ms`]
}

function toRow({ id, createdAt, name, inquiryId, referenceId, effect, receivedAt, delivery }: NewEvent) {
  return {
    id,
    created_at: createdAt?.toISOString() ?? UNTOLD_TIME,
    name,
    inquiry_id: inquiryId,
    reference_id: referenceId,
    persona_status: effect?.personaStatus,
    status: effect?.status,
    score: effect?.score,
    occurred_at: effect?.occurredAt.toISOString(),
    rank: effect?.rank,
    received_at: receivedAt.toISOString(),
    attempts_made: delivery?.attemptsMade,
    attempts_left: delivery?.attemptsLeft,
    first_attempted_at: delivery?.firstAttemptedAt?.toISOString(),
  }
}
