import type { ResolveIdentity } from '@persona-kyc/claims'
import createKnex from 'knex'

// An example of USER_WALLETS_MODULE: the wallets that users have shown to be theirs, in a table of the app's own:
//   create table user_wallets (user_id text primary key, address text not null)

const { WALLETS_DATABASE_URL, DATABASE_URL } = process.env
const connection = WALLETS_DATABASE_URL ?? DATABASE_URL ?? ''
const knex = createKnex({ client: 'pg', connection, pool: { min: 0, max: 2 } })

/** Resolves with the user's wallet; null while there is none: then the case waits, and is asked about again. */
const resolveIdentity: ResolveIdentity = async ({ userId }) => {
  const row = await knex('user_wallets').where({ user_id: userId }).first('address')
  return row === undefined ? null : { wallet: row.address }
}

export default resolveIdentity
