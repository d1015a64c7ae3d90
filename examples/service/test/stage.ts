import { type FakePersonaServer, startFakePersonaServer } from '@persona-kyc/testing'
import createKnex, { type Knex } from 'knex'
import { createAppDatabase } from '../../../test-setup/app-database.js'
import { signWithOpenssl } from './openssl.js'
import { type ServerProcess, WEBHOOK_SECRET } from './server-process.js'

/** What the servers of one test file run against: a database of its own, and a fake Persona. */
export interface Stage {
  readonly persona: FakePersonaServer
  /** The owner's: to look at what is there. */
  readonly knex: Knex
  /** The servers'. */
  readonly databaseUrl: string
  /** The variables that point a server here. */
  readonly environment: Record<string, string>
  /** All rows of all tables, as text. */
  dump(): Promise<string>
  close(): Promise<void>
}

/** Makes a stage. */
export async function createStage(): Promise<Stage> {
  const database = await createAppDatabase()
  const persona = await startFakePersonaServer({ rateLimit: { limit: 10_000, windowSeconds: 60 } })
  const knex = createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 2 } })
  return {
    persona,
    knex,
    databaseUrl: database.appUrl,
    environment: {
      ...database.environment,
      PERSONA_API_KEY: persona.fake.apiKey,
      PERSONA_BASE_URL: persona.baseUrl,
      PERSONA_TEMPLATE_ID: 'itmpl_test',
    },
    async dump() {
      const { rows } = await knex.raw(
        "select table_name from information_schema.tables where table_schema = 'persona_kyc' order by 1",
      )
      const tables: string[] = rows.map((row: { table_name: string }) => row.table_name)
      const results = tables.map((table) =>
        knex.raw(`select * from persona_kyc.${table} order by 1, 2`).then(({ rows }) => rows),
      )
      return JSON.stringify(await Promise.all(results))
    },
    async close() {
      await knex.destroy()
      await persona.close()
      await database.drop()
    },
  }
}

/** Delivers a body to the webhook route, signed by OpenSSL unless a header is given. */
export async function deliver(
  server: ServerProcess,
  body: string | Uint8Array,
  signature = signWithOpenssl(body, WEBHOOK_SECRET),
) {
  const response = await fetch(`${server.url}/webhooks/persona/inquiry`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'persona-signature': signature },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  return { status: response.status, json: (await response.json()) as any }
}
