import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { API_TOKEN, runToExit, SERVERS, startServer } from './server-process.js'
import { createStage, type Stage } from './stage.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

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
    // Impatience changes nothing: the drain is under way.
    server.signal('SIGTERM')
    server.signal('SIGINT')
    expect((await answer).status).toBe(201)
    expect(await code).toBe(0)
    expect(server.output()).toContain('"msg":"stopped"')
  })

  it('is stopped by a SIGTERM to npm, and takes its embedded PostgreSQL with it', async () => {
    const script = `start:${name.split('-')[0]}`
    const { PATH = '', HOME = '' } = process.env
    const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-npm-'))
    // As root, PostgreSQL runs as another account.
    await chmod(directory, 0o755)
    const child = spawn('npm', ['run', '--silent', script], {
      cwd: ROOT,
      env: { PATH, HOME, PORT: '0', COMPLIANCE_API_TOKEN: API_TOKEN, KYC_DATA_DIR: directory },
    })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    const ended = once(child, 'close')
    while (!output.includes('"listening"'))
      await Promise.race([once(child.stdout, 'data'), ended.then(() => expect.unreachable())])
    const pid = Number(/"pid":(\d+)/.exec(output)?.[1])
    child.kill('SIGTERM')
    // The pipe closes when the last process that writes to it has ended.
    await ended
    expect(output).toContain('"msg":"stopped"')
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
    await rm(directory, { recursive: true, force: true })
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
