import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createShortEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { signWithOpenssl } from './openssl.js'
import { runToExit, SERVERS, type ServerProcess, startServer } from './server-process.js'
import { createStage, deliver, type Stage } from './stage.js'

const OLD = 'wbhsec_canary_old'
const NEW = 'wbhsec_canary_new'
const LATER = 'wbhsec_canary_later'
const EVENT = { type: 'inquiry.approved', inquiryId: 'inq_none', status: 'approved', referenceId: 'nobody' }
const BODY = JSON.stringify(createShortEvent(EVENT))
const CLOCK = new URL('movable-clock.mjs', import.meta.url).href

describe.each(SERVERS)('PERSONA_WEBHOOK_SECRET_FILE of %s', (name) => {
  let stage: Stage
  let directory: string
  let server: ServerProcess
  let halfMinutes = 0

  beforeAll(async () => {
    stage = await createStage()
    directory = await mkdtemp(join(tmpdir(), 'persona-kyc-secret-'))
    await writeSecrets(OLD)
    server = await startServer(name, { ...toVariables(), NODE_OPTIONS: `--import ${CLOCK}` })
  })
  afterAll(async () => {
    await server?.stop()
    await stage?.close()
    await rm(directory, { recursive: true })
  })

  it('is rotated without a restart', async () => {
    expect([await deliverSigned(OLD), await deliverSigned(NEW)]).toEqual([200, 401])

    await writeSecrets(`${NEW}\n${OLD}\n`)
    await passHalfMinute()
    expect([await deliverSigned(NEW), await deliverSigned(OLD)]).toEqual([200, 200])

    await writeSecrets(NEW)
    await passHalfMinute()
    expect(await deliverSigned(OLD)).toBe(200)
    await passHalfMinute()
    expect([await deliverSigned(OLD), await deliverSigned(NEW)]).toEqual([401, 200])
  })

  it('keeps its last secrets while it is gone, and says so in the log', async () => {
    await writeSecrets(LATER)
    await passHalfMinute()
    expect(await deliverSigned(LATER)).toBe(200)
    await rm(join(directory, 'secret'))
    await passHalfMinute()
    await passHalfMinute()
    expect([await deliverSigned(LATER), await deliverSigned('wbhsec_canary_forged')]).toEqual([200, 401])
    expect(server.output()).toMatch(/"level":50.*PERSONA_WEBHOOK_SECRET_FILE names a file.*ENOENT/)
    expect(server.output()).not.toContain('canary')
  })

  it('refuses to start without the file', async () => {
    const { code, output } = await runToExit(name, {
      ...toVariables(),
      PERSONA_WEBHOOK_SECRET_FILE: join(directory, 'nowhere'),
      COMPLIANCE_API_TOKEN: 'a-token-of-16-characters',
    })
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('PERSONA_WEBHOOK_SECRET_FILE') })
  })

  function toVariables() {
    // The first one would otherwise be set by startServer.
    return { ...stage.environment, PERSONA_WEBHOOK_SECRET: '', PERSONA_WEBHOOK_SECRET_FILE: join(directory, 'secret') }
  }

  /** Puts another file in its place at once, as Kubernetes does. */
  async function writeSecrets(text: string): Promise<void> {
    await writeFile(join(directory, 'next'), text)
    await rename(join(directory, 'next'), join(directory, 'secret'))
  }

  async function passHalfMinute(): Promise<void> {
    halfMinutes += 1
    server.signal('SIGUSR2')
    await vi.waitUntil(() => server.output().includes(`clock ahead by ${halfMinutes * 30_000} ms`), { timeout: 10_000 })
  }

  async function deliverSigned(secret: string): Promise<number> {
    return (await deliver(server, BODY, signWithOpenssl(BODY, secret))).status
  }
})
