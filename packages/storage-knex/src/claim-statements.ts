import type { TableNames } from './schema.js'

/** Notes what a case wants, unless a revision as high is noted. */
export function requestClaim({ claimRequests }: TableNames): string {
  return `
    insert into ${claimRequests} as r (case_id, revision, wants_claim, due_at, reason, attempts, recalls)
    values (:caseId, :revision, :wantsClaim, :now, null, 0, 0)
    on conflict (case_id) do update set
      revision = excluded.revision, wants_claim = excluded.wants_claim, due_at = excluded.due_at,
      reason = excluded.reason, attempts = excluded.attempts, recalls = excluded.recalls
    where r.revision < excluded.revision
    returning case_id`
}

/** Makes a request due. */
export function recallClaimRequest({ claimRequests }: TableNames): string {
  return `
    update ${claimRequests} set due_at = :dueAt, recalls = recalls + 1
    where case_id = :caseId
    returning case_id`
}

/** Lists due requests by (due_at, case_id), each with its claims and transactions as JSON: one snapshot of all three. */
export function listDueClaims({ claimRequests, claims, chainTransactions }: TableNames): string {
  return `
    select r.*,
      (select cast(coalesce(json_agg(c order by c.generation), '[]') as text)
        from ${claims} c where c.case_id = r.case_id) as claims,
      (select cast(coalesce(json_agg(t order by t.nonce, t.chain_id, t.sender), '[]') as text)
        from ${chainTransactions} t where t.case_id = r.case_id) as transactions
    from ${claimRequests} r
    where r.due_at <= cast(:now as timestamptz)
    order by r.due_at, r.case_id
    limit :limit`
}

/** Stores when to work on a request next, if nothing has come to it since it was read. */
export function deferClaimRequest({ claimRequests }: TableNames): string {
  return `
    update ${claimRequests} set due_at = :dueAt, reason = :reason, attempts = :attempts
    where case_id = :caseId and revision = :revision and recalls = :recalls
    returning case_id`
}

/**
 * Stores a claim, or finds what is in its way; no row where the case does not want it. The request is locked, so what
 * the case wants cannot change before the claim is there. A claim that crossed this one violates a unique key.
 */
export function addClaim({ claimRequests, claims }: TableNames): string {
  return `
    with wanted as (
      select case_id from ${claimRequests} where case_id = :caseId and revision = :revision and wants_claim for update
    ),
    existing as (
      select c.* from ${claims} c
      where (c.case_id = :caseId and (c.state <> 'revoked' or c.generation = :generation))
        or (c.identity = :identity and c.topic = :topic and c.issuer = :issuer and c.chain_id = :chainId
          and c.state <> 'revoked')
      order by (c.case_id = :caseId and c.state <> 'revoked') desc, c.state <> 'revoked' desc
      limit 1
    ),
    added as (
      insert into ${claims} (case_id, generation, state, chain_id, issuer, topic, identity, claim_id, data, signature,
        uri, verified_at, created_at, updated_at)
      select case_id, cast(:generation as integer), 'signed', cast(:chainId as bigint), :issuer, :topic, :identity,
        :claimId, :data, :signature, :uri, cast(:verifiedAt as timestamptz), cast(:now as timestamptz),
        cast(:now as timestamptz)
      from wanted where not exists (select 1 from existing)
      returning *
    )
    select * from added
    union all
    select e.* from existing e join wanted on true`
}

/** Moves a claim that is in one of the states. */
export function moveClaim({ claims }: TableNames): string {
  return `
    update ${claims} set
      state = :to,
      tx_hash = coalesce(cast(:txHash as text), tx_hash),
      superseded_by = coalesce(cast(:supersededBy as text), superseded_by),
      updated_at = :now
    where case_id = :caseId and generation = :generation and state = any(cast(:from as text[]))
    returning *`
}
