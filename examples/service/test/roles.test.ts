import { createInquiryEvent } from '@persona-kyc/testing'
import { createDatabase, type TestDatabase } from '@persona-kyc/testing/postgres'
import createKnex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createRole, toRoleUrl } from '../../../test-setup/app-role.js'
import { runToExit, SERVERS, startServer } from './server-process.js'
import { deliver } from './stage.js'

describe.each(SERVERS)('%s with a role for the migrations and one for itself', (name) => {
  let database: TestDatabase
  let owner: Knex
  let environment: Record<string, string>

  beforeAll(async () => {
    database = await createDatabase(inject('databaseUrl'))
    owner = createKnex({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } })
    const role = await createRole(database.url, `${new URL(database.url).pathname.slice(1)}_role`)
    environment = { DATABASE_URL: toRoleUrl(database.url, role), MIGRATION_DATABASE_URL: database.url }
  })
  afterAll(async () => {
    await owner?.destroy()
    await database?.drop()
  })

  it('migrates as the one, and lives as the other, which may not migrate', async () => {
    const server = await startServer(name, environment)
    try {
      const { json } = await server.call('POST', '/compliance/kyc', { user_id: 'user', document_type: 'passport' })
      const { case_id: referenceId, persona_inquiry_id: inquiryId } = json
      const event = createInquiryEvent({ name: 'inquiry.approved', inquiryId, referenceId })
      expect((await deliver(server, JSON.stringify(event))).json.outcome).toBe('applied')
      expect((await server.call('GET', `/compliance/kyc/${referenceId}`)).json.status).toBe('verified')
      const { rows } = await owner.raw(
        `select distinct usename = current_user as is_owner from pg_stat_activity
        where datname = current_database() and application_name = 'persona-kyc'`,
      )
      expect(rows).toEqual([{ is_owner: false }])
    } finally {
      await server.stop()
    }
    const { DATABASE_URL = '' } = environment
    const alone = await runToExit(name, { DATABASE_URL, COMPLIANCE_API_TOKEN: 'a-token-of-16-characters' })
    expect([alone.code, alone.output]).toEqual([1, expect.stringContaining('PostgreSQL refused a statement (42501)')])
  })
})
