import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connectRaw, toChunk, toHead } from '../../../test-setup/raw-client.js'
import { CLAIM, createKycApi, type KycApi } from './kyc-api.js'
import { type ProgramProcess, startProgram } from './program-process.js'
import { PROGRAMS, type Program } from './programs.js'
import { createProject, type Project } from './project.js'
import { isAvailable } from './runtimes.js'
import { createDelivery, createStage, type Stage } from './stage.js'

const TWO_MEGABYTES = new Uint8Array(2 * 1024 * 1024).fill(120)

/** Of the right form: without one, no body is read. */
const ANY_SIGNATURE = { 'persona-signature': `t=1,v1=${'0'.repeat(64)}` }

let stage: Stage
const projects = new Map<string, Project>()

beforeAll(async () => {
  stage = await createStage()
  for (const express of ['express', 'express4'] as const) projects.set(express, await createProject({ express }))
})
afterAll(async () => {
  await stage?.persona.close()
  for (const project of projects.values()) await project.remove()
})

for (const program of PROGRAMS) {
  if (isAvailable(program.runtime)) describe(program.name, () => testProgram(program))
  else describe.skip(`${program.name}: ${program.runtime} is not there for this platform`, () => testProgram(program))
}

// Where the program tells of the connection itself. On Node a caller may write any scheme before the path.
for (const program of PROGRAMS.filter(({ file }) => /node-http|fastify/.test(file))) {
  describe(`${program.name}, with a key of production`, () => testProduction(program))
}

function testProduction(program: Program): void {
  it('refuses what comes in clear, whatever scheme its caller writes', async () => {
    const production = await createStage({ apiKey: 'persona_production_fake' })
    onTestFinished(() => production.persona.close())
    const server = await startProgram(program, { project: findProject(program), environment: production.environment })
    onTestFinished(server.stop)
    const client = await connectRaw(server.port)
    client.send(toHead('GET', 'https://localhost/compliance/kyc', { host: 'localhost', connection: 'close' }))
    expect(await client.closed).toMatch(/^HTTP\/1.1 403 .*"code":"https_required"/s)
  })
}

function findProject(program: Program): Project {
  const project = projects.get(program.express ?? 'express')
  if (project === undefined) throw new Error('There is no project.')
  return project
}

function testProgram(program: Program): void {
  // Our Express adapter reads on for a while after an early answer. Where a server closes the connection with it, or soon
  // after, TCP may take it back from a client that still sends.
  const losesEarlyAnswers = program.file !== 'src/express.ts'
  let server: ProgramProcess
  let api: KycApi

  beforeAll(async () => {
    server = await startProgram(program, { project: findProject(program), environment: stage.environment })
    api = createKycApi(server.url)
  }, 120_000)
  afterAll(() => server?.stop())

  it('refuses a caller without a token', async () => {
    for (const method of ['GET', 'POST', 'HEAD']) {
      const { status, headers } = await fetch(`${server.url}/compliance/kyc`, { method })
      expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    }
  })

  it('takes a case from its initiation over a signed webhook to its end', async () => {
    const { caseId, inquiryId, sessionToken } = await api.initiate()
    const inquiry = stage.persona.fake.inquiries.get(inquiryId)
    expect(inquiry?.attributes).toMatchObject({ status: 'created', 'reference-id': caseId })
    // Rejects when the token is of no session of this inquiry.
    await stage.persona.fake.inquiries.open(inquiryId, sessionToken)

    const delivery = await createDelivery(inquiryId)
    expect(await api.deliver(delivery)).toEqual({ status: 200, json: { received: true, outcome: 'applied' } })
    expect(await api.deliver(delivery)).toEqual({ status: 200, json: { received: true, outcome: 'duplicate' } })
    expect(await api.readCase(caseId)).toMatchObject({ status: 200, json: { case_id: caseId, status: 'verified' } })
    expect(await api.storeClaim(caseId)).toMatchObject({ status: 200, json: CLAIM })
    expect(await api.eraseCase(caseId)).toMatchObject({ status: 200, json: { erased_at: expect.any(String) } })
  })

  it('refuses a webhook with one flipped bit', async () => {
    const { caseId, inquiryId } = await api.initiate()
    const { body, ...delivery } = await createDelivery(inquiryId)
    const flipped = body.map((byte, index) => (index === 100 ? byte ^ 1 : byte))
    expect(await api.deliver({ ...delivery, body: flipped })).toMatchObject({
      status: 401,
      json: { code: 'signature_invalid' },
    })
    expect(await api.readCase(caseId)).toMatchObject({ json: { status: 'pending' } })
  })

  it('refuses a webhook that is too large', async () => {
    const refusal = { status: 413, json: { code: 'body_too_large' } }
    const answer = api.deliver({ method: 'POST', headers: ANY_SIGNATURE, body: TWO_MEGABYTES })
    const heard = answer.catch((error: unknown) => (losesEarlyAnswers ? refusal : Promise.reject(error)))
    expect(await heard).toMatchObject(refusal)
  })

  it('refuses a body that never ends', async () => {
    const client = await connectRaw(server.port)
    const path = `${program.prefix ?? ''}/webhooks/persona/inquiry`
    client.send(toHead('POST', path, { ...ANY_SIGNATURE, host: 'localhost', 'transfer-encoding': 'chunked' }))
    client.sendForever(toChunk(64 * 1024))
    const heard = await client.receive(/"code":"body_too_large"/).catch(() => client.closed)
    expect(heard).toMatch(losesEarlyAnswers ? /^(HTTP\/1.1 413 |$)/ : /^HTTP\/1.1 413 /)
    client.destroy()
  })

  it('goes on when a client goes away before the end of its webhook', async () => {
    const { inquiryId } = await api.initiate()
    const path = `${program.prefix ?? ''}/webhooks/persona/inquiry`
    for (const sent of ['', '{']) {
      const client = await connectRaw(server.port)
      client.send(toHead('POST', path, { ...ANY_SIGNATURE, host: 'localhost', 'content-length': 100 }) + sent)
      client.destroy()
      await client.closed
    }
    expect(await api.deliver(await createDelivery(inquiryId))).toMatchObject({ json: { outcome: 'applied' } })
  })

  it('answers 404 to a path of nobody', async () => {
    for (const method of ['GET', 'POST', 'HEAD']) {
      const { status } = await fetch(`${server.url}/compliance/nothing`, { method })
      expect(status).toBe(404)
    }
  })

  it('answers HEAD with the headers of GET, and no body', async () => {
    const [get, head] = await Promise.all(
      ['GET', 'HEAD'].map((method) => fetch(`${server.url}/webhooks/persona/health`, { method })),
    )
    expect([head?.status, head?.headers.get('content-type')]).toEqual([200, get?.headers.get('content-type')])
    expect(await head?.text()).toBe('')
    expect(await get?.json()).toHaveProperty('status')
  })
}
