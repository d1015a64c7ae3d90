import { createInquiryEvent, createShortEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AppDatabase, createAppDatabase } from '../../../test-setup/app-database.js'
import { SERVERS, type ServerProcess, startServer } from './server-process.js'
import { deliver } from './stage.js'

// What a newcomer does by hand: start a verification, and at once sign and send what Persona would.
describe.each(SERVERS)('%s with its fake Persona', (name) => {
  let database: AppDatabase
  let server: ServerProcess
  let users = 0

  beforeAll(async () => {
    database = await createAppDatabase()
    server = await startServer(name, database.environment)
  })
  afterAll(async () => {
    await server?.stop()
    await database?.drop()
  })

  it.each([
    ['in whole seconds', () => `${new Date().toISOString().slice(0, 19)}Z`],
    ['in milliseconds', () => new Date().toISOString()],
    ['copied from the documentation', () => '2026-01-02T03:04:05.678Z'],
  ])('takes an envelope with a time %s, right after the start', async (_, toCreatedAt) => {
    const { case_id: caseId, persona_inquiry_id: inquiryId } = await initiate()
    const event = createInquiryEvent({ name: 'inquiry.approved', inquiryId, referenceId: caseId })
    const body = JSON.stringify(event, (key, value) =>
      key === 'attributes' && 'payload' in value ? { ...value, 'created-at': toCreatedAt() } : value,
    )
    expect((await deliver(server, body)).json).toEqual({ received: true, outcome: 'applied' })
    expect((await server.call('GET', `/compliance/kyc/${caseId}`)).json.status).toBe('verified')
  })

  it('takes the short form right after the start', async () => {
    const { case_id: caseId, persona_inquiry_id: inquiryId } = await initiate()
    const event = createShortEvent({ type: 'inquiry.failed', inquiryId, status: 'failed', referenceId: caseId })
    expect((await deliver(server, JSON.stringify(event))).json.outcome).toBe('applied')
    expect((await server.call('GET', `/compliance/kyc/${caseId}`)).json.status).toBe('rejected')
  })

  async function initiate() {
    users += 1
    return (await server.call('POST', '/compliance/kyc', { user_id: `user_${users}`, document_type: 'passport' })).json
  }
})
