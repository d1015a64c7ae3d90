import type { Knex } from 'knex'

/** The part of a `pg` client that {@link endSilentConnections} uses. */
interface PgClient {
  /** False while a statement waits for its answer. */
  readonly readyForQuery?: boolean
  readonly connection?: {
    readonly stream?: {
      setTimeout(ms: number): unknown
      on(event: 'timeout', listener: () => void): unknown
      destroy(error?: Error): unknown
    }
  }
}

/** The clients whose statements may take as long as they need. */
const patient = new WeakSet<object>()

/** A Knex pool's `afterCreate`. */
export type AfterCreate = (connection: unknown, done: (error: Error | null, connection: unknown) => void) => void

/**
 * Returns an `afterCreate` for a Knex pool that ends a connection whose statement has had no answer for so long. A
 * database that vanishes without a word, as in a failover, otherwise holds the pool's connections for many minutes, and
 * webhooks get no answer. Choose less than the five seconds that Persona waits, and more than your slowest statement
 * takes. For connections that are only being made, set `connectionTimeoutMillis` of the `pg` connection too.
 */
export function endSilentConnections({ afterMs }: { readonly afterMs: number }): AfterCreate {
  return (connection, done) => {
    const client = connection as PgClient
    const stream = client.connection?.stream
    stream?.setTimeout(afterMs)
    stream?.on('timeout', () => {
      if (client.readyForQuery !== true && !patient.has(client))
        stream.destroy(new Error('Connection terminated: no answer in time'))
    })
    done(null, connection)
  }
}

/**
 * Runs a transaction whose statements may take as long as they need, also in a pool that ends silent connections. Each sees
 * what others have committed before it, whatever the default of the database is.
 */
export async function runPatiently<Result>(
  knex: Knex,
  work: (transaction: Knex.Transaction) => Promise<Result>,
): Promise<Result> {
  let client: object | undefined
  try {
    return await knex.transaction(async (transaction) => {
      client = await (transaction.client as { acquireConnection(): Promise<object> }).acquireConnection()
      patient.add(client)
      // In one of the app's it is too late.
      if (knex.isTransaction !== true) await transaction.raw('set transaction isolation level read committed')
      return work(transaction)
    })
  } finally {
    if (client !== undefined) patient.delete(client)
  }
}
