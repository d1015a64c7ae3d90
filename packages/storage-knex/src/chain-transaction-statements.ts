import type { TableNames } from './schema.js'

/**
 * Gives nonces to the transactions of new purposes, and finds those of known ones. The sender's row hands the nonces out:
 * whoever opens transactions waits for who did before, and takes its nonces back with all else if it crosses another by
 * a purpose. The claims are locked, so none leaves its state before its transaction is there.
 */
export function openTransactions({ claims, chainSenders, chainTransactions }: TableNames): string {
  return `
    with given as (
      select * from json_to_recordset(cast(:given as json)) as g (place integer, purpose text, case_id text,
        generation integer, claim_state text, to_address text, data text, gas text)
    ),
    existing as (
      select t.* from ${chainTransactions} t
      where t.chain_id = :chainId and t.state <> 'void' and t.purpose in (select purpose from given)
    ),
    lacking as (
      select g.* from given g where not exists (select 1 from existing e where e.purpose = g.purpose)
    ),
    allowed as (
      select l.place from lacking l join ${claims} c on c.case_id = l.case_id and c.generation = l.generation
      where c.state = l.claim_state
      order by c.case_id, c.generation
      for share of c
    ),
    fresh as (
      select distinct on (l.purpose) l.* from lacking l
      where l.generation is null or l.place in (select place from allowed)
      order by l.purpose, l.place
    ),
    numbered as (
      insert into ${chainSenders} as s (chain_id, sender, next_nonce)
      select cast(:chainId as bigint), :sender, cast(:chainNonce as bigint) + count(*) from fresh having count(*) > 0
      on conflict (chain_id, sender) do update set
        next_nonce = excluded.next_nonce + greatest(s.next_nonce - cast(:chainNonce as bigint), 0)
      returning next_nonce
    ),
    opened as (
      insert into ${chainTransactions} (chain_id, sender, nonce, purpose, case_id, state, to_address, data, gas, hashes,
        created_at)
      select cast(:chainId as bigint), :sender,
        n.next_nonce - row_number() over (order by f.place desc),
        f.purpose, f.case_id, 'open', f.to_address, f.data, f.gas, cast('{}' as text[]), cast(:now as timestamptz)
      from fresh f join numbered n on true
      order by f.purpose
      returning *
    ),
    present as (
      select * from existing
      union all
      select * from opened
    )
    select p.* from given g join present p on p.purpose = g.purpose order by g.place`
}

/** Stores signed forms of open transactions whose hashes are new to them; of several of one, the last is the newest. */
export function signTransactions({ chainTransactions }: TableNames): string {
  return `
    with given as (
      select * from json_to_recordset(cast(:given as json)) as g (place integer, nonce bigint, raw text, hash text,
        max_fee text, max_priority_fee text)
    ),
    target as (${toOpen(chainTransactions)}),
    fresh as (
      select distinct on (g.nonce, g.hash) g.* from given g join target t on t.nonce = g.nonce
      where g.hash <> all(t.hashes)
      order by g.nonce, g.hash, g.place
    ),
    newest as (
      select distinct on (nonce) nonce, raw, max_fee, max_priority_fee,
        array_agg(hash) over (partition by nonce order by place) as added
      from fresh
      order by nonce, place desc
    )
    update ${chainTransactions} t set
      raw = n.raw, max_fee_per_gas = n.max_fee, max_priority_fee_per_gas = n.max_priority_fee,
      hashes = t.hashes || n.added, signed_at = :now
    from newest n
    where t.chain_id = :chainId and t.sender = :sender and t.nonce = n.nonce`
}

/** Ends open transactions, and hastens the requests of their cases that wait. Rows are locked in order: no deadlocks. */
export function closeTransactions({ claimRequests, chainTransactions }: TableNames): string {
  return `
    with given as (
      select distinct on (nonce) *
      from json_to_recordset(cast(:given as json)) as g (place integer, nonce bigint, state text, hash text)
      order by nonce, place
    ),
    target as (${toOpen(chainTransactions)}),
    closed as (
      update ${chainTransactions} t set
        state = g.state,
        hashes = case when g.hash is null then t.hashes else array_append(array_remove(t.hashes, g.hash), g.hash) end
      from target join given g on g.nonce = target.nonce
      where t.chain_id = :chainId and t.sender = :sender and t.nonce = g.nonce
      returning t.case_id
    ),
    waiting as (
      select case_id from ${claimRequests}
      where due_at is not null and case_id in (select case_id from closed)
      order by case_id
      for update
    )
    update ${claimRequests} r set due_at = :now, recalls = r.recalls + 1 from waiting w where r.case_id = w.case_id`
}

/** The sender's open transactions by nonce. */
export function listOpenTransactions({ chainTransactions }: TableNames): string {
  return `
    select * from ${chainTransactions}
    where chain_id = :chainId and sender = :sender and state = 'open'
    order by nonce
    limit 1000`
}

/** The given ones that are open, locked with what they hold now. */
function toOpen(chainTransactions: string): string {
  return `
      select nonce, hashes from ${chainTransactions}
      where chain_id = :chainId and sender = :sender and state = 'open' and nonce in (select nonce from given)
      order by nonce
      for update`
}
