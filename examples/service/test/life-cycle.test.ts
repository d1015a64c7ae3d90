import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { API_TOKEN, runToExit, SERVERS, startServer } from './server-process.js'
import { createStage, type Stage } from './stage.js'

describe.each(SERVERS)('%s', (name) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await createStage()
  })
  afterAll(async () => {
    await stage?.close()
  })

  it('finishes the requests under way on SIGTERM, and exits with 0', async () => {
    const server = await startServer(name, stage.environment)
    const { fake } = stage.persona
    fake.fail({ kind: 'delay', method: 'POST', path: '/inquiries', delayMs: 500 })
    const before = fake.requests.length
    const answer = server.call('POST', '/compliance/kyc', { user_id: `${name} draining`, document_type: 'passport' })
    await vi.waitUntil(() => fake.requests.length > before)
    const code = server.stop('SIGTERM')
    expect((await answer).status).toBe(201)
    expect(await code).toBe(0)
    expect(server.output()).toContain('"msg":"stopped"')
  })

  it('does not start without its variables, and names each of them', async () => {
    const { code, output } = await runToExit(name, { PERSONA_API_KEY: 'persona_sandbox_canary' })
    expect(code).toBe(1)
    expect(output).toMatch(/COMPLIANCE_API_TOKEN is not set/)
    expect(output).not.toContain('persona_sandbox_canary')
  })

  it('says so when its port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const { port } = squatter.address() as AddressInfo
    const { code, output } = await runToExit(name, {
      ...stage.environment,
      PORT: String(port),
      COMPLIANCE_API_TOKEN: API_TOKEN,
      PERSONA_WEBHOOK_SECRET: 'wbhsec_x',
    })
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('EADDRINUSE') })
    squatter.close()
  })

  it('says so when the database cannot be reached', async () => {
    const { code, output } = await runToExit(name, {
      ...stage.environment,
      DATABASE_URL: 'postgres://app:secret-canary@127.0.0.1:1/kyc',
      COMPLIANCE_API_TOKEN: API_TOKEN,
      PERSONA_WEBHOOK_SECRET: 'wbhsec_x',
    })
    expect({ code, output }).toEqual({
      code: 1,
      output: expect.stringContaining('PostgreSQL cannot be reached (ECONNREFUSED)'),
    })
    expect(output).not.toContain('secret-canary')
  })
})
