import type { CaseQuery } from '@persona-kyc/core'
import { UNTOLD_TIME } from './event-months.js'
import type { TableNames } from './schema.js'

/** Stores a case, or finds the one that the user has: by idempotency key, else the open one. */
export function createCase({ cases }: TableNames): string {
  return `
    with existing as (
      select * from ${cases}
      where user_id = :userId and (is_open or idempotency_key = :idempotencyKey)
      order by (idempotency_key = :idempotencyKey) is true desc
      limit 1
    ),
    inserted as (
      insert into ${cases} (id, user_id, document_type, status, personal_data, created_at, updated_at, is_open,
        idempotency_key, inquiry_attempt, initiating_until, revision)
      select :id, :userId, :documentType, 'pending', :sealedPersonalData, cast(:createdAt as timestamptz),
        cast(:createdAt as timestamptz), true, :idempotencyKey, 1, cast(:initiatingUntil as timestamptz), 0
      where not exists (select 1 from existing)
      on conflict do nothing
      returning *
    )
    select *, false as created from existing
    union all
    select *, true as created from inserted`
}

/** Pages through cases by (created_at, id). Only the filters that are asked for are in it, so that an index serves it. */
export function listCases({ cases }: TableNames, { status, claim, after }: CaseQuery): string {
  const filters = [
    ...(status === null ? [] : ['status = :status']),
    ...(claim === 'missing' ? ['kyc_claim_id is null and erased_at is null'] : []),
    ...(claim === 'present' ? ['kyc_claim_id is not null'] : []),
    ...(claim === 'stale' ? ["kyc_claim_id is not null and status <> 'verified'"] : []),
    ...(after === null ? [] : ['(created_at, id) > (cast(:createdAt as timestamptz), cast(:id as text))']),
  ]
  const where = filters.length === 0 ? '' : `where ${filters.join(' and ')}`
  return `select * from ${cases} ${where} order by created_at, id limit :limit`
}

/** Pages through the cases that Persona may yet decide, by (created_at, id). */
export function listUnsettledCases({ cases }: TableNames): string {
  return `
    select * from ${cases}
    where status in ('pending', 'review') and erased_at is null
      and created_at >= cast(:createdSince as timestamptz) and updated_at <= cast(:quietSince as timestamptz)
      and (cast(:createdAt as timestamptz) is null
        or (created_at, id) > (cast(:createdAt as timestamptz), cast(:id as text)))
    order by created_at, id
    limit :limit`
}

/** Takes the right to create the inquiry, if it is free. */
export function leaseInitiation({ cases }: TableNames): string {
  return `
    update ${cases} set initiating_until = :until
    where id = :caseId
      and persona_inquiry_id is not distinct from cast(:currentInquiryId as text)
      and erased_at is null
      and (initiating_until is null or initiating_until <= :now)
    returning *`
}

/** Gives that right back. */
export function releaseInitiation({ cases }: TableNames): string {
  return `update ${cases} set initiating_until = null where id = :caseId and initiating_until = :until`
}

/** Moves on to the next idempotency key. */
export function advanceAttempt({ cases }: TableNames): string {
  return `
    update ${cases} set inquiry_attempt = inquiry_attempt + 1
    where id = :caseId and inquiry_attempt = :fromAttempt
    returning *`
}

/** Attaches an inquiry that no other case has to a case that has none, or the one to be replaced, or this one. */
export function attachInquiry({ cases }: TableNames): string {
  const isSame = 'persona_inquiry_id is not distinct from cast(:inquiryId as text)'
  return `
    update ${cases} set
      persona_inquiry_id = :inquiryId,
      persona_status = case when ${isSame} then persona_status else :personaStatus end,
      persona_session_token = case when status = 'pending'
        then coalesce(cast(:sealedSessionToken as text), case when ${isSame} then persona_session_token end) end,
      last_event_at = case when ${isSame} then last_event_at end,
      last_event_rank = case when ${isSame} then last_event_rank end,
      last_event_id = case when ${isSame} then last_event_id end,
      initiating_until = null,
      updated_at = :now
    where id = :caseId and erased_at is null
      and (${isSame} or (persona_inquiry_id is not distinct from cast(:replaces as text) and status = 'pending'))
      and not exists (select 1 from ${cases} other where other.persona_inquiry_id = :inquiryId and other.id <> :caseId)
    returning *`
}

/** Stores the token of a session of the case's inquiry. */
export function storeSessionToken({ cases }: TableNames): string {
  return `
    update ${cases} set persona_session_token = :sealedSessionToken, updated_at = :now
    where id = :caseId and persona_inquiry_id = :inquiryId and status = 'pending' and erased_at is null
    returning *`
}

/** Stores a claim reference on a verified case that has none, and says why where it does not. */
export function setClaim({ cases }: TableNames): string {
  return `
    with target as (select * from ${cases} where id = :caseId for update),
    stored as (
      update ${cases} c set kyc_claim_id = :kycClaimId, kyc_claim_tx_hash = :kycClaimTxHash, updated_at = :now
      from target t
      where c.id = t.id and t.status = 'verified' and t.kyc_claim_id is null
      returning c.*
    )
    select 'stored' as result, s.* from stored s
    union all
    select
      case
        when t.status <> 'verified' then 'not_verified'
        when t.kyc_claim_id = :kycClaimId and t.kyc_claim_tx_hash = :kycClaimTxHash then 'unchanged'
        else 'conflict'
      end,
      t.*
    from target t where not exists (select 1 from stored)`
}

/** Removes a claim reference from the case that has it, and says why where it does not. */
export function clearClaim({ cases }: TableNames): string {
  return `
    with target as (select * from ${cases} where id = :caseId for update),
    cleared as (
      update ${cases} c set kyc_claim_id = null, kyc_claim_tx_hash = null, updated_at = :now
      from target t
      where c.id = t.id and t.kyc_claim_id = :kycClaimId and t.kyc_claim_tx_hash = :kycClaimTxHash
      returning c.*
    )
    select 'cleared' as result, c.* from cleared c
    union all
    select case when t.kyc_claim_id is null then 'unchanged' else 'conflict' end, t.*
    from target t where not exists (select 1 from cleared)`
}

/** Drops the personal data of a case. */
export function eraseCase({ cases }: TableNames): string {
  return `
    update ${cases} set
      personal_data = null, persona_session_token = null, is_open = false, initiating_until = null,
      erased_at = coalesce(erased_at, cast(:now as timestamptz)), updated_at = :now
    where id = :caseId
    returning *`
}

/**
 * Pages through a case's events by (received_at, id), each with its transition. A transition whose event is kept no longer
 * stands for it. Its values are the case's id, the place to go on after, in two, and the limit: to be prepared, because
 * planning it for many months takes longer than the rest.
 */
export function listCaseEvents({ events, transitions }: TableNames): string {
  return `
    select * from (
      (select ${EVENT_COLUMNS}, t.*
      from ${events} e left join ${transitions} t
        on t.case_id = e.case_id and t.event_id = e.id and e.outcome = 'applied'
      where e.case_id = cast($1 as text) and ${isAfter('e.received_at', 'e.id', '$2', '$3')}
      order by e.received_at, e.id
      limit cast($4 as integer))
      union all
      (select t.event_id, null, t.event_name, null, 'applied', t.persona_status, t.occurred_at, t.recorded_at, null, null,
        null, t.*
      from ${transitions} t
      where t.case_id = cast($1 as text) and ${isAfter('t.recorded_at', 't.event_id', '$2', '$3')}
        and not exists (
          select 1 from ${events} e where e.case_id = t.case_id and e.id = t.event_id and e.outcome = 'applied')
      order by t.recorded_at, t.event_id
      limit cast($4 as integer))
    ) entry
    order by received_at, id
    limit cast($4 as integer)`
}

/** Pages through the events without a case by (received_at, id). */
export function listUnmatchedEvents({ events }: TableNames): string {
  return `
    select ${EVENT_COLUMNS}
    from ${events} e
    where e.outcome = 'unmatched' and ${isAfter('e.received_at', 'e.id', ':receivedAt', ':id')}
    order by e.received_at, e.id
    limit :limit`
}

function isAfter(time: string, id: string, afterTime: string, afterId: string): string {
  return `(cast(${afterTime} as timestamptz) is null
        or (${time}, ${id}) > (cast(${afterTime} as timestamptz), cast(${afterId} as text)))`
}

const EVENT_COLUMNS = `e.id, nullif(e.created_at, '${UNTOLD_TIME}') as event_created_at, e.name, e.inquiry_id, e.outcome,
        e.persona_status as event_persona_status, e.occurred_at as event_occurred_at, e.received_at, e.attempts_made,
        e.attempts_left, e.first_attempted_at`

/**
 * Pages through the feed. What a transaction that still runs may have written lies at or above the snapshot's xmin,
 * so a follower that stops below it misses nothing, whatever commits later. The feed's id comes with the page: a cursor
 * of another database, or of a future that this one was restored from, is not to be taken for one of this.
 */
export function readFeed({ transitions, feed }: TableNames): string {
  return `
    with bounds as (
      select id as feed_id,
        ${toFeedXid('pg_snapshot_xmin(pg_current_snapshot())', 'xid_offset')} as visible_below,
        cast(:feedXid as xid8) >= ${toFeedXid('pg_snapshot_xmax(pg_current_snapshot())', 'xid_offset')} as is_ahead
      from ${feed}
    )
    select b.feed_id, b.is_ahead, page.*
    from bounds b left join lateral (
      select * from ${transitions} t
      where (t.feed_xid, t.case_id, t.revision)
          > (cast(:feedXid as xid8), cast(:caseId as text), cast(:revision as integer))
        and t.feed_xid < b.visible_below
      order by t.feed_xid, t.case_id, t.revision
      limit :limit
    ) page on true
    order by page.feed_xid, page.case_id, page.revision`
}

/** A transaction id's place in the feed: a restored database has given out lower ids than it holds, which the offset mends. */
export function toFeedXid(xid: string, offset: string): string {
  return `cast(cast(cast(cast(${xid} as text) as bigint) + ${offset} as text) as xid8)`
}
