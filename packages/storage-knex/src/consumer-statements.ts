import type { TableNames } from './schema.js'

/** Takes the lease, and makes the consumer where there is none. */
export function leaseConsumer({ consumers }: TableNames): string {
  return `
    insert into ${consumers} as c (name, fence, attempts, leased_until) values (:name, 1, 0, :until)
    on conflict (name) do update set
      fence = c.fence + 1,
      attempts = c.attempts + case when c.leased_until is null then 0 else 1 end,
      leased_until = excluded.leased_until
    where c.leased_until is null or c.leased_until <= :now
    returning fence, cursor, attempts`
}

/** Extends the lease of who has the newest fencing token. */
export function renewConsumer({ consumers }: TableNames): string {
  return `
    update ${consumers} set leased_until = :until
    where name = :name and fence = :fence and leased_until is not null
    returning fence`
}

/** Gives the lease back. */
export function releaseConsumer({ consumers }: TableNames): string {
  return `update ${consumers} set leased_until = null where name = :name and fence = :fence`
}

/** Stores progress, and the dead letter that is left behind, under the newest fencing token. */
export function saveConsumer({ consumers, deadLetters }: TableNames): string {
  return `
    with saved as (
      update ${consumers} set cursor = :cursor, attempts = :attempts, leased_until = :until
      where name = :name and fence = :fence and leased_until is not null
      returning name
    ),
    parked as (
      insert into ${deadLetters} (consumer, case_id, revision, reason, attempts, error, parked_at)
      select name, :caseId, cast(:revision as integer), :reason, cast(:letterAttempts as integer),
        cast(:error as text), cast(:parkedAt as timestamptz)
      from saved where cast(:caseId as text) is not null
      on conflict (consumer, case_id, revision) do nothing
    )
    select name from saved`
}

/** All consumers, each with the number of its dead letters. */
export function listConsumers({ consumers, deadLetters }: TableNames): string {
  return `
    select c.*, (select cast(count(*) as integer) from ${deadLetters} d where d.consumer = c.name) as dead_letters
    from ${consumers} c order by c.name`
}

/** Whether a consumer has put aside a transition of the case. */
export function hasDeadLetter({ deadLetters }: TableNames): string {
  return `select 1 from ${deadLetters} where consumer = :consumer and case_id = :caseId limit 1`
}

/** Pages through dead letters by (consumer, case, revision). */
export function listDeadLetters({ deadLetters, transitions }: TableNames): string {
  return `
    select d.*, t.from_status, t.to_status, t.score, t.persona_status, t.event_id, t.event_name, t.occurred_at,
      t.recorded_at, t.feed_xid
    from ${deadLetters} d join ${transitions} t on t.case_id = d.case_id and t.revision = d.revision
    where (cast(:consumer as text) is null or d.consumer = :consumer)
      and (not cast(:isDue as boolean) or exists (
        select 1 from ${deadLetters} due
        where due.consumer = d.consumer and due.case_id = d.case_id and due.replay_requested_at is not null))
      and (cast(:afterConsumer as text) is null or (d.consumer, d.case_id, d.revision)
        > (cast(:afterConsumer as text), cast(:afterCaseId as text), cast(:afterRevision as integer)))
    order by d.consumer, d.case_id, d.revision
    limit :limit`
}

/** Asks for the replay of a consumer's dead letters. */
export function requestReplay({ deadLetters }: TableNames): string {
  return `
    update ${deadLetters} set replay_requested_at = :now
    where consumer = :consumer and (cast(:caseId as text) is null or case_id = :caseId)
    returning 1`
}

/** Removes a dead letter whose replay succeeded, under the newest fencing token. */
export function removeDeadLetter({ consumers, deadLetters }: TableNames): string {
  return `
    with held as (${toHeld(consumers)}),
    removed as (
      delete from ${deadLetters} d using held
      where d.consumer = held.name and d.case_id = :caseId and d.revision = :revision
    )
    select name from held`
}

/** Keeps a dead letter whose replay failed, under the newest fencing token. */
export function keepDeadLetter({ consumers, deadLetters }: TableNames): string {
  return `
    with held as (${toHeld(consumers)}),
    kept as (
      update ${deadLetters} d set
        replay_requested_at = null,
        reason = case when d.revision = :revision then 'failed' else d.reason end,
        attempts = d.attempts + case when d.revision = :revision then 1 else 0 end,
        error = case when d.revision = :revision then cast(:error as text) else d.error end
      from held
      where d.consumer = held.name and d.case_id = :caseId
    )
    select name from held`
}

function toHeld(consumers: string): string {
  return `select name from ${consumers}
    where name = :consumer and fence = :fence and leased_until is not null for update`
}
