import type { ConsumerStorage } from '@persona-kyc/core'
import type { Knex } from 'knex'
import type { TableNames } from './schema.js'
import { isDestroyed } from './statement-runner.js'

/** A `pg` client, as far as a watch uses it. */
interface ListeningConnection {
  query(sql: string): Promise<unknown>
  on(event: 'notification' | 'error' | 'end', listener: () => void): unknown
}

/** The parts of Knex's client that open connections beside its pool. */
interface ConnectionSource {
  acquireRawConnection(): Promise<ListeningConnection>
  destroyRawConnection(connection: ListeningConnection): Promise<void>
}

const ANNOUNCE_EVERY_MS = 20
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 30_000

/**
 * Returns the two ends of LISTEN and NOTIFY. A growth is announced after its commit, together with those that follow
 * within 20 ms: PostgreSQL commits transactions that notify one at a time, and the ingest must not wait for that. What
 * is lost so, by a crash or a pooler in transaction mode, is found by asking.
 */
export function createFeedWatch(
  knex: Knex,
  { schema }: TableNames,
): Pick<ConsumerStorage, 'watchFeed'> & { announceGrowth(): void } {
  const listeners = new Set<() => void>()
  const channel = schema.slice(1, -1)
  let isAnnouncing = false
  let stopListening: (() => void) | null = null

  const callAll = () => {
    for (const listener of listeners) listener()
  }

  return {
    watchFeed(listener) {
      const call = () => listener()
      listeners.add(call)
      stopListening ??= listen(knex, schema, callAll)
      return () => {
        listeners.delete(call)
        if (listeners.size > 0) return
        stopListening?.()
        stopListening = null
      }
    },

    announceGrowth() {
      // A transaction of the app is not over yet, and may never be.
      if (isAnnouncing || knex.isTransaction === true) return
      isAnnouncing = true
      setTimeout(() => {
        isAnnouncing = false
        // Knex would warn of it.
        if (isDestroyed(knex)) return
        void knex.raw('select pg_notify(?, ?)', [channel, '']).catch(() => {})
      }, ANNOUNCE_EVERY_MS).unref()
    },
  }
}

/** Listens on a connection of its own, and on another one whenever that is lost, until the returned function is called. */
function listen(knex: Knex, schema: string, onGrowth: () => void): () => void {
  const source = knex.client as ConnectionSource
  let isStopped = false
  let connection: ListeningConnection | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let retryMs = FIRST_RETRY_MS

  const close = () => {
    const closing = connection
    connection = null
    if (closing !== null) void Promise.resolve(source.destroyRawConnection(closing)).catch(() => {})
  }
  const retry = () => {
    close()
    if (isStopped) return
    clearTimeout(timer)
    timer = setTimeout(open, retryMs).unref()
    retryMs = Math.min(LAST_RETRY_MS, retryMs * 2)
  }
  const open = () => {
    connect().catch(retry)
  }
  const connect = async () => {
    const opened = await source.acquireRawConnection()
    connection = opened
    if (isStopped) return close()
    for (const event of ['error', 'end'] as const) {
      opened.on(event, () => {
        if (connection === opened) retry()
      })
    }
    opened.on('notification', onGrowth)
    await opened.query(`listen ${schema}`)
    retryMs = FIRST_RETRY_MS
    // Whatever happened while nobody listened.
    onGrowth()
  }

  open()
  return () => {
    isStopped = true
    clearTimeout(timer)
    close()
  }
}
