import type { NewEvent } from '@persona-kyc/core'
import type { TableNames } from './schema.js'
import { toFeedXid } from './statements.js'

/**
 * The statement that records an event and moves its case: one round trip, one transaction of its own.
 *
 * The case's row is locked before anything is decided, so what follows sees its newest state; the event's primary key
 * decides between copies of one event. Of a copy it tells, as `may_match`, whether {@link matchEventSql} is to look at the
 * event again. A transition's `feed_xid` is its transaction's id, or that of the case's
 * transition before where a longer transaction began earlier: so the feed never turns the order of one case around.
 */
export function recordEventSql(tables: TableNames): string {
  const { events } = tables
  return toStatement(
    tables,
    `
      insert into ${events} (id, name, case_id, inquiry_id, outcome, persona_status, occurred_at, received_at,
        attempts_made, attempts_left, first_attempted_at)
      select :id, :name, t.id, :inquiryId,
        case when cast(:status as text) is not null and t.id is null then 'unmatched' else ${OUTCOME} end,
        :personaStatus, :occurredAt, :receivedAt, :attemptsMade, :attemptsLeft, :firstAttemptedAt
      from (select 1) one left join target t on true
      on conflict (id) do nothing
      returning case_id, outcome`,
    `r.outcome is null and p.id is not null and not exists (
      select 1 from ${events} e where e.id = :id and e.outcome <> 'unmatched')`,
  )
}

/**
 * The statement that looks again at an event that belonged to no case, and moves the case that it belongs to now. The
 * event's row decides between copies: whoever comes second finds that it is no longer `unmatched`.
 */
export function matchEventSql(tables: TableNames): string {
  return toStatement(
    tables,
    `
      update ${tables.events} e set
        name = :name, case_id = t.id, outcome = ${OUTCOME}, persona_status = :personaStatus, occurred_at = :occurredAt
      from target t
      where e.id = :id and e.outcome = 'unmatched' and e.inquiry_id = :inquiryId
      returning e.case_id, e.outcome`,
    'false',
  )
}

/** What becomes of an event whose case is there. */
const OUTCOME = `
        case
          when cast(:status as text) is null then 'ignored'
          when t.erased_at is not null or t.persona_inquiry_id <> :inquiryId then 'stale'
          when (t.last_event_at, t.last_event_rank, t.last_event_id)
            >= (cast(:occurredAt as timestamptz), cast(:rank as smallint), cast(:id as text)) then 'stale'
          else 'applied'
        end`

function toStatement({ cases, transitions, feed }: TableNames, recorded: string, mayMatch: string): string {
  const currentXid = toFeedXid('pg_current_xact_id()', `(select xid_offset from ${feed})`)
  return `
    with target as (
      select c.*, c.status as previous_status
      from ${cases} c
      where c.persona_inquiry_id = :inquiryId
        or (c.id = :referenceId and cast(:inquiryId as text) is not null)
      order by (c.persona_inquiry_id = :inquiryId) is true desc
      limit 1
      for update
    ),
    recorded as (${recorded}
    ),
    moved as (
      update ${cases} c set
        persona_inquiry_id = :inquiryId,
        initiating_until = case when c.persona_inquiry_id is not null then c.initiating_until end,
        persona_status = :personaStatus,
        status = :status,
        verification_score = :score,
        verified_at = case when :status = 'verified'
          then coalesce(c.verified_at, cast(:occurredAt as timestamptz)) end,
        persona_session_token = case when :status = 'pending' then c.persona_session_token end,
        is_open = cast(:status as text) in ('pending', 'review') and c.erased_at is null and (c.is_open or not exists (
          select 1 from ${cases} other where other.user_id = c.user_id and other.is_open and other.id <> c.id)),
        revision = c.revision + case when t.previous_status <> :status then 1 else 0 end,
        feed_xid = case when t.previous_status <> :status
          then greatest(${currentXid}, c.feed_xid) else c.feed_xid end,
        last_event_at = :occurredAt,
        last_event_rank = :rank,
        last_event_id = :id,
        updated_at = :receivedAt
      from recorded r join target t on t.id = r.case_id
      where c.id = r.case_id and r.outcome = 'applied'
      returning c.*, t.previous_status
    ),
    appended as (
      insert into ${transitions} (case_id, revision, from_status, to_status, score, persona_status,
        event_id, event_name, occurred_at, recorded_at, feed_xid)
      select id, revision, previous_status, status, verification_score, persona_status,
        :id, :name, :occurredAt, :receivedAt, feed_xid
      from moved where previous_status <> status
    ),
    present as (
      select * from moved
      union all
      select * from target where not exists (select 1 from moved)
    )
    select coalesce(r.outcome, 'duplicate') as outcome, ${mayMatch} as may_match, p.*
    from (select 1) one left join recorded r on true left join present p on true`
}

/** The values of {@link recordEventSql}. */
export function toRecordEventBindings({ id, name, inquiryId, referenceId, effect, receivedAt, delivery }: NewEvent) {
  return {
    id,
    name,
    inquiryId,
    referenceId,
    receivedAt,
    personaStatus: effect?.personaStatus ?? null,
    status: effect?.status ?? null,
    score: effect?.score ?? null,
    occurredAt: effect?.occurredAt ?? null,
    rank: effect?.rank ?? null,
    attemptsMade: delivery?.attemptsMade ?? null,
    attemptsLeft: delivery?.attemptsLeft ?? null,
    firstAttemptedAt: delivery?.firstAttemptedAt ?? null,
  }
}
