import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ECHO, FRAMEWORKS, type Framework } from './frameworks.js'
import { CLAIM, createKycApi, type KycApi } from './kyc-api.js'
import { startReverseProxy } from './reverse-proxy.js'
import { createDelivery, createOptions, createStage, type Stage } from './stage.js'

let stage: Stage

beforeAll(async () => {
  stage = await createStage()
})
afterAll(() => stage?.persona.close())

for (const framework of FRAMEWORKS) describe(framework.name, () => testMounts(framework))
describe('one engine in several frameworks', testSharedEngine)

function testMounts(framework: Framework): void {
  describe('below a prefix', () => testPrefixes(framework))
  describe('with two engines', () => testTwoEngines(framework))
  describe('behind a proxy', () => testProxy(framework))
}

function testPrefixes({ serve }: Framework): void {
  it.each([
    ['at the root', ['/'], ''],
    ['below a prefix', ['/api'], '/api'],
    ['below a longer one', ['/a/b'], '/a/b'],
    ['in a router in a router', ['/a', '/b'], '/a/b'],
    ['in three routers', ['/a', '/b/c', '/d'], '/a/b/c/d'],
  ])('serves %s', async (_name, path, prefix) => {
    const url = await serve({ path, options: createOptions(stage) })
    await expectVerification(createKycApi(`${url}${prefix}`))
  })

  it('leaves the paths of the app, and their bodies, alone', async () => {
    const url = await serve({ path: ['/api'], options: createOptions(stage) })
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }
    expect(await (await fetch(`${url}${ECHO}`, init)).json()).toEqual({ a: 1 })
    for (const path of ['/compliance/kyc', '/ap/compliance/kyc', '/api/api/compliance/kyc', '/API/compliance']) {
      expect((await fetch(`${url}${path}`)).status).toBe(404)
    }
  })
}

function testTwoEngines({ serve }: Framework): void {
  it('keeps the deliveries of each from the other', async () => {
    const url = await serve(
      { path: ['/sandbox'], options: createOptions(stage, { webhookSecrets: 'wbhsec_sandbox' }) },
      { path: ['/production'], options: createOptions(stage, { webhookSecrets: 'wbhsec_production' }) },
    )
    const [sandbox, production] = [createKycApi(`${url}/sandbox`), createKycApi(`${url}/production`)]
    const [mine, theirs] = [await sandbox.initiate(), await production.initiate()]

    // Of either case: the secret decides, not what the event is about.
    for (const { inquiryId } of [mine, theirs]) {
      const delivery = await createDelivery(inquiryId, 'wbhsec_sandbox')
      expect(await production.deliver(delivery)).toMatchObject({ status: 401, json: { code: 'signature_invalid' } })
    }
    expect((await production.readCase(theirs.caseId)).json.status).toBe('pending')
    expect((await sandbox.readCase(mine.caseId)).json.status).toBe('pending')

    const delivery = await createDelivery(mine.inquiryId, 'wbhsec_sandbox')
    expect((await sandbox.deliver(delivery)).json.outcome).toBe('applied')
    expect((await sandbox.readCase(mine.caseId)).json.status).toBe('verified')
    expect((await production.readCase(theirs.caseId)).json.status).toBe('pending')
    expect((await production.readCase(mine.caseId)).status).toBe(404)
  })
}

function testProxy({ serve }: Framework): void {
  const CLIENT = '203.0.113.7'
  const trust = { requireHttps: true, trustedProxies: ['loopback'] }

  it('serves what comes by HTTPS to the proxy, and nothing that comes in clear', async () => {
    const target = await serve({ path: ['/api'], options: createOptions(stage, trust) })
    const proxy = await startReverseProxy({ target, clientAddress: CLIENT })
    await expectVerification(createKycApi(`${proxy}/api`))
    expect((await fetch(`${target}/api/compliance/kyc`)).status).toBe(403)
    expect((await fetch(`${target}/api/webhooks/persona/inquiry`, { method: 'POST' })).status).toBe(403)
  })

  it('serves behind a proxy that takes its prefix away, or puts one before', async () => {
    const target = await serve({ path: ['/inner'], options: createOptions(stage, trust) })
    const proxy = await startReverseProxy({ target: `${target}/inner`, strip: '/outer', clientAddress: CLIENT })
    await expectVerification(createKycApi(`${proxy}/outer`))
  })

  it('goes by the address that the proxy saw, and not by one that its client claims', async () => {
    const target = await serve({ path: ['/'], options: createOptions(stage, { ...trust, webhookAddresses: [CLIENT] }) })
    const persona = await startReverseProxy({ target, clientAddress: CLIENT })
    const stranger = await startReverseProxy({ target, clientAddress: '203.0.113.8' })
    const delivery = await createDelivery('inq_of_nobody')
    const liar = createKycApi(stranger, { 'x-forwarded-for': CLIENT })
    expect((await createKycApi(persona).deliver(delivery)).json.outcome).toBe('unmatched')
    expect((await createKycApi(stranger).deliver(delivery)).status).toBe(403)
    expect((await liar.deliver(delivery)).status).toBe(403)
  })
}

function testSharedEngine(): void {
  it('moves a case that was made through one through the other', async () => {
    const options = createOptions(stage)
    const urls = await Promise.all(FRAMEWORKS.map(({ serve }) => serve({ path: ['/api'], options })))
    const apis = urls.map((url) => createKycApi(`${url}/api`))
    const pairs = apis.flatMap((first) => apis.filter((other) => other !== first).map((second) => [first, second]))
    for (const [first, second] of pairs as [KycApi, KycApi][]) {
      const { caseId, inquiryId } = await first.initiate()
      expect((await second.readCase(caseId)).json.status).toBe('pending')
      const delivery = await createDelivery(inquiryId)
      expect((await second.deliver(delivery)).json.outcome).toBe('applied')
      expect((await first.deliver(delivery)).json.outcome).toBe('duplicate')
      expect((await first.readCase(caseId)).json.status).toBe('verified')
      expect((await second.storeClaim(caseId)).status).toBe(200)
      expect((await first.readCase(caseId)).json).toMatchObject(CLAIM)
    }
  })
}

/** Takes a case from its initiation over a signed webhook to its claim. */
async function expectVerification(api: KycApi): Promise<void> {
  const { caseId, inquiryId } = await api.initiate()
  const delivery = await createDelivery(inquiryId)
  expect(await api.deliver(delivery)).toMatchObject({ status: 200, json: { outcome: 'applied' } })
  expect(await api.deliver(delivery)).toMatchObject({ status: 200, json: { outcome: 'duplicate' } })
  expect(await api.readCase(caseId)).toMatchObject({ status: 200, json: { status: 'verified' } })
  expect(await api.storeClaim(caseId)).toMatchObject({ status: 200, json: CLAIM })
}
