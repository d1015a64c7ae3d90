/*
 * The statements of @persona-kyc/storage-knex by which cases are read and begin, as they must be for a fair comparison: the
 * same texts, with the placeholders of `pg`, and as there none is prepared.
 */

/** A row of `kyc_cases`, as far as it is read. */
export interface CaseRow {
  readonly id: string
  readonly user_id: string
  readonly document_type: string
  readonly status: string
  readonly revision: number
  readonly verification_score: number | null
  readonly persona_inquiry_id: string | null
  readonly persona_session_token: string | null
  readonly persona_status: string | null
  readonly kyc_claim_id: string | null
  readonly kyc_claim_tx_hash: string | null
  readonly created_at: Date
  readonly updated_at: Date
  readonly verified_at: Date | null
  readonly erased_at: Date | null
}

/** Reads a case: its id. */
export const SELECT_CASE = 'select * from persona_kyc.kyc_cases where id = $1'

/** Writes down who asked for what: id, principal, action, route, verdict, case and time. */
export const APPEND_AUDIT = `
  insert into persona_kyc.kyc_audit (id, principal, action, route, verdict, case_id, decided_at)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (id) do nothing`

/**
 * Stores a case, or finds that of the user: user, idempotency key, id, document type, personal data, now, and the end of the
 * lease.
 */
export const CREATE_CASE = `
  with existing as (
    select * from persona_kyc.kyc_cases
    where user_id = $1 and (is_open or idempotency_key = $2)
    order by (idempotency_key = $2) is true desc
    limit 1
  ),
  inserted as (
    insert into persona_kyc.kyc_cases (id, user_id, document_type, status, personal_data, created_at, updated_at, is_open,
      idempotency_key, inquiry_attempt, initiating_until, revision)
    select $3, $1, $4, 'pending', $5, cast($6 as timestamptz),
      cast($6 as timestamptz), true, $2, 1, cast($7 as timestamptz), 0
    where not exists (select 1 from existing)
    on conflict do nothing
    returning *
  )
  select *, false as created from existing
  union all
  select *, true as created from inserted`

const IS_SAME = 'persona_inquiry_id is not distinct from cast($1 as text)'

/** Gives a case its inquiry: inquiry, its status, session token, now, case, and the inquiry that it replaces. */
export const ATTACH_INQUIRY = `
  update persona_kyc.kyc_cases set
    persona_inquiry_id = $1,
    persona_status = case when ${IS_SAME} then persona_status else $2 end,
    persona_session_token = case when status = 'pending'
      then coalesce(cast($3 as text), case when ${IS_SAME} then persona_session_token end) end,
    last_event_at = case when ${IS_SAME} then last_event_at end,
    last_event_rank = case when ${IS_SAME} then last_event_rank end,
    last_event_id = case when ${IS_SAME} then last_event_id end,
    initiating_until = null,
    updated_at = $4
  where id = $5 and erased_at is null
    and (${IS_SAME} or (persona_inquiry_id is not distinct from cast($6 as text) and status = 'pending'))
    and not exists (select 1 from persona_kyc.kyc_cases other where other.persona_inquiry_id = $1 and other.id <> $5)
  returning *`
