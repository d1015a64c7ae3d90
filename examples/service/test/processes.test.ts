import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServerProcess, startServer } from './server-process.js'
import { createStage, type Stage } from './stage.js'

const KEYS = { KYC_ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 7).toString('base64')}` }

describe('two Express and two Hono servers on one database', () => {
  let stage: Stage
  let servers: ServerProcess[]

  beforeAll(async () => {
    stage = await createStage()
    servers = await Promise.all([
      startServer('express-server', { ...stage.environment, ...KEYS }),
      startServer('hono-server', { ...stage.environment, ...KEYS }),
      startServer('express-server', { ...stage.environment, ...KEYS }),
      startServer('hono-server', { ...stage.environment, ...KEYS }),
    ])
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
    await stage.close()
  })

  it('make one case and one inquiry of 50 concurrent initiations of one user, and none of the 50 fails', async () => {
    // Opens all connections of both pools: only then the 50 really meet in the database.
    await Promise.all(Array.from({ length: 40 }, (_, index) => servers[index % 4]?.call('GET', '/compliance/kyc')))
    for (let user = 0; user < 10; user++) {
      const userId = `user ${user}`
      const before = stage.persona.fake.inquiries.list().length
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => initiate(index, userId)))
      expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(49).fill(200), 201])
      const distinct = (member: string) => new Set(answers.map(({ json }) => json[member])).size
      expect([distinct('case_id'), distinct('persona_inquiry_id'), distinct('persona_session_token')]).toEqual([
        1, 1, 1,
      ])
      expect(answers[0]?.json.persona_session_token).toEqual(expect.any(String))
      expect(stage.persona.fake.inquiries.list().length - before).toBe(1)
    }
  })

  it('do the same while Persona is slow', async () => {
    stage.persona.fake.fail({ kind: 'delay', method: 'POST', path: '/inquiries', delayMs: 4000 })
    const before = stage.persona.fake.inquiries.list().length
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => initiate(index, 'patient')))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(49).fill(200), 201])
    expect(stage.persona.fake.inquiries.list().length - before).toBe(1)
  })

  it('keep within 25 sessions an inquiry however often the person comes back', async () => {
    const { json: first } = await initiate(0, 'returning')
    const { fake } = stage.persona
    await fake.inquiries.open(first.persona_inquiry_id, first.persona_session_token)
    for (let visit = 0; visit < 24; visit++) {
      const { status, json } = await initiate(visit, 'returning')
      expect(status).toBe(200)
      expect(json.persona_inquiry_id).toBe(first.persona_inquiry_id)
      const { json: resumed } = (await servers[visit % 4]?.call('POST', `/compliance/kyc/${json.case_id}/resume`)) ?? {
        json: {},
      }
      await fake.inquiries.open(json.persona_inquiry_id, resumed.persona_session_token)
    }
    const full = await servers[0]?.call('POST', `/compliance/kyc/${first.case_id}/resume`)
    expect(full).toMatchObject({ status: 409, json: { code: 'case_not_resumable' } })
  })

  it('resume an expired inquiry, and never one that is only created', async () => {
    const { json: first } = await initiate(0, 'expiring')
    const { fake } = stage.persona
    const resumesBefore = resumes()
    await initiate(1, 'expiring')
    expect(resumes()).toBe(resumesBefore)
    fake.inquiries.simulate(first.persona_inquiry_id, 'expire_inquiry')
    const { json: again } = (await servers[0]?.call('POST', `/compliance/kyc/${first.case_id}/resume`)) ?? { json: {} }
    expect(again.persona_inquiry_id).toBe(first.persona_inquiry_id)
    expect(again.persona_session_token).not.toBe(first.persona_session_token)
    expect(fake.inquiries.get(first.persona_inquiry_id)?.attributes.status).toBe('pending')
  })

  function initiate(index: number, userId: string) {
    const server = servers[index % servers.length]
    if (server === undefined) throw new Error('No server runs.')
    return server.call('POST', '/compliance/kyc', { user_id: userId, document_type: 'passport' })
  }

  function resumes(): number {
    return stage.persona.fake.requests.filter(({ path }) => path.endsWith('/resume')).length
  }
})
