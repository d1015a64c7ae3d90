import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKycApi } from './kyc-api.js'
import { startProgram } from './program-process.js'
import { EDGE_FORWARDER, PROGRAMS } from './programs.js'
import { createProject, type Project } from './project.js'
import { startRecordingOrigin } from './recording-origin.js'
import { isAvailable } from './runtimes.js'
import { createDelivery, createStage, type Stage, WEBHOOK_SECRET } from './stage.js'

const WEBHOOK = '/webhooks/persona/inquiry'

/** What a client may claim, and what Cloudflare says. */
const CLAIMS = {
  forwarded: 'for=192.0.2.1;proto=https',
  'x-forwarded-for': '192.0.2.1',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
  'cf-connecting-ip': '203.0.113.9',
}

const isThere = isAvailable(EDGE_FORWARDER.runtime)
const name = isThere ? EDGE_FORWARDER.name : `${EDGE_FORWARDER.name}: workerd is not there for this platform`

describe.skipIf(!isThere)(name, () => {
  let stage: Stage
  let project: Project
  const ends: (() => void | Promise<void>)[] = []

  beforeAll(async () => {
    stage = await createStage()
    project = await createProject({ express: 'express' })
  })
  afterAll(async () => {
    for (const end of ends) await end()
    await project?.remove()
    await stage?.persona.close()
  })

  /** Starts the forwarder in front of a server, and resolves with its URL. */
  async function startEdge(originUrl: string): Promise<string> {
    const environment = { ORIGIN_URL: originUrl, PERSONA_WEBHOOK_SECRET: WEBHOOK_SECRET }
    const edge = await startProgram(EDGE_FORWARDER, { project, environment })
    ends.push(edge.stop)
    return edge.url
  }

  describe('in front of a process of Node', () => {
    let url: string

    beforeAll(async () => {
      const program = PROGRAMS.find(({ file }) => file === 'src/node-http.ts')
      if (program === undefined) throw new Error('There is no such program.')
      const origin = await startProgram(program, { project, environment: stage.environment })
      ends.push(origin.stop)
      url = await startEdge(origin.url)
    }, 60_000)

    it('takes a case from its initiation over a signed webhook to its end', async () => {
      const api = createKycApi(url)
      const { caseId, inquiryId } = await api.initiate()
      const delivery = await createDelivery(inquiryId)
      expect(await api.deliver(delivery)).toEqual({ status: 200, json: { received: true, outcome: 'applied' } })
      expect(await api.deliver(delivery)).toEqual({ status: 200, json: { received: true, outcome: 'duplicate' } })
      expect(await api.readCase(caseId)).toMatchObject({ status: 200, json: { status: 'verified' } })
    })

    it('hands refusals of the process on', async () => {
      const refused = await fetch(`${url}/compliance/kyc`, { headers: CLAIMS })
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
      expect((await fetch(`${url}/compliance/nothing`, { method: 'HEAD' })).status).toBe(404)
      expect((await fetch(`${url}/webhooks/persona/health`)).status).toBe(200)
    })
  })

  describe('in front of a server that keeps what it is sent', () => {
    let origin: Awaited<ReturnType<typeof startRecordingOrigin>>
    let url: string

    beforeAll(async () => {
      origin = await startRecordingOrigin()
      ends.push(() => origin.close())
      url = await startEdge(origin.url)
    }, 60_000)

    it('forwards a webhook with the bytes and headers that arrived, and its own word of who sent it', async () => {
      const { headers, body } = await createDelivery('inq_1')
      const response = await fetch(`${url}${WEBHOOK}?a=1`, { method: 'POST', headers: { ...headers, ...CLAIMS }, body })
      expect([response.status, response.headers.get('x-origin')]).toEqual([202, 'yes'])
      expect(await response.text()).toBe('from the origin')
      const arrived = origin.requests.at(-1)
      expect(arrived).toMatchObject({ method: 'POST', target: `${WEBHOOK}?a=1`, headers })
      expect(arrived?.body).toEqual(Buffer.from(body))
      expect(toForwarded(arrived?.headers)).toEqual({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http' })
    })

    it('forwards every other request as it is', async () => {
      const body = new Uint8Array([0, 255, 10, 13])
      const init = { method: 'PUT', headers: { ...CLAIMS, 'x-mine': 'kept' }, body }
      await fetch(`${url}/compliance/kyc/a%2Fb/claim?c=%20d`, init)
      const arrived = origin.requests.at(-1)
      expect(arrived).toMatchObject({ method: 'PUT', target: '/compliance/kyc/a%2Fb/claim?c=%20d' })
      expect(arrived?.body).toEqual(Buffer.from(body))
      expect(arrived?.headers['x-mine']).toBe('kept')
      expect(toForwarded(arrived?.headers)).toEqual({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http' })
    })

    it('keeps what is not signed, or is too large, from the server', async () => {
      const { headers, body } = await createDelivery('inq_1')
      const before = origin.requests.length
      const bodies = [new Uint8Array([...body, 32]), new Uint8Array(2 * 1024 * 1024)]
      const attempts = [
        ...bodies.map((bytes) => fetch(`${url}${WEBHOOK}`, { method: 'POST', headers, body: bytes })),
        fetch(`${url}${WEBHOOK}`, { method: 'POST', body }),
        fetch(`${url}/x/..${WEBHOOK}`, { method: 'POST', body }),
      ]
      expect((await Promise.all(attempts)).map(({ status }) => status)).toEqual([401, 413, 401, 401])
      expect(origin.requests).toHaveLength(before)
    })
  })
})

function toForwarded(headers: object = {}): object {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.includes('forwarded')))
}
