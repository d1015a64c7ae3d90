import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createFakeWithClient, type FakeWithClient, START_MS } from './client.js'

const withSession = { meta: { 'auto-create-inquiry-session': true } }

async function resume({ call }: FakeWithClient, id: string) {
  const { status, body } = await call('POST', `/inquiries/${id}/resume`)
  return { status, token: body.meta?.['session-token'], inquiry: body.data?.attributes, errors: body.errors }
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

describe('a session token', () => {
  it('is a JWT signed with HS256 that names the session and expires', async () => {
    const client = createFakeWithClient({ sessionExpirySeconds: 3600 })
    const id = await client.create()
    client.fake.inquiries.simulate(id, 'start_inquiry')
    const { token } = await resume(client, id)
    const [header = '', payload = '', signature] = token?.split('.') ?? []
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'HS256' })
    const digest = createHmac('sha256', 'fake-persona-session-key').update(`${header}.${payload}`).digest('base64url')
    expect(signature).toBe(digest)
    const session = client.fake.inquiries.get(id)?.relationships.sessions.data[0]
    const { sub, aud, exp } = claimsOf(token ?? '')
    expect([sub, aud, exp]).toEqual([session?.id, 'persona-verify', START_MS / 1000 + 3600])
  })

  it('comes with the inquiry when asked for, otherwise is null', async () => {
    const { call } = createFakeWithClient()
    const body = { data: { attributes: { 'inquiry-template-id': 'itmpl_1' } } }
    const without = await call('POST', '/inquiries', { body })
    const asked = await call('POST', '/inquiries', { body: { ...body, ...withSession } })
    expect(without.body.meta['session-token']).toBeNull()
    expect(without.body.data.relationships.sessions?.data).toEqual([])
    expect(asked.body.meta['session-token']).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(asked.body.data.relationships.sessions?.data).toHaveLength(1)
  })

  it('opens the pending inquiry it belongs to, and no other', async () => {
    const client = createFakeWithClient()
    const { inquiries } = client.fake
    const [id, other] = [await client.create(), await client.create()]
    inquiries.simulate(id, 'start_inquiry')
    inquiries.simulate(other, 'start_inquiry')
    const { token = '' } = await resume(client, id)
    await expect(inquiries.open(id)).rejects.toThrow('session token')
    await expect(inquiries.open(other, token ?? '')).rejects.toThrow('session token')
    expect((await inquiries.open(id, token ?? '')).attributes.status).toBe('pending')
    client.advance(86_400)
    await expect(inquiries.open(id, token ?? '')).rejects.toThrow('session token')
  })

  it('is not needed to open an inquiry that was only created', async () => {
    const client = createFakeWithClient()
    expect((await client.fake.inquiries.open(await client.create())).attributes.status).toBe('pending')
  })
})

describe('resuming', () => {
  it('is refused unless the inquiry is pending or expired', async () => {
    const client = createFakeWithClient()
    for (const actions of [[], ['complete_inquiry'], ['fail_inquiry'], ['approve_inquiry']] as const) {
      const id = await client.create()
      if (actions.length > 0) client.fake.inquiries.simulate(id, 'start_inquiry', ...actions)
      expect((await resume(client, id)).status).toBe(409)
    }
  })

  it('hands out an unused session again, and a new one once it was used', async () => {
    const client = createFakeWithClient()
    const id = await client.create(withSession)
    client.fake.inquiries.simulate(id, 'start_inquiry')
    const first = await resume(client, id)
    const again = await resume(client, id)
    expect(again.token).toBe(first.token)
    await client.fake.inquiries.open(id, first.token ?? '')
    const next = await resume(client, id)
    expect(next.token).not.toBe(first.token)
    expect(client.fake.inquiries.get(id)?.relationships.sessions.data).toHaveLength(3)
  })

  it('does not hand out a session whose time is over', async () => {
    const client = createFakeWithClient({ sessionExpirySeconds: 60 })
    const id = await client.create()
    client.fake.inquiries.simulate(id, 'start_inquiry')
    const first = await resume(client, id)
    client.advance(60)
    expect((await resume(client, id)).token).not.toBe(first.token)
  })

  it('makes an expired inquiry pending with a new session and a new time', async () => {
    const client = createFakeWithClient()
    const id = await client.create(withSession)
    client.advance(86_400)
    expect(client.fake.inquiries.get(id)?.attributes.status).toBe('expired')
    const { status, inquiry, token } = await resume(client, id)
    expect([status, inquiry?.status, inquiry?.['expired-at']]).toEqual([200, 'pending', null])
    expect(inquiry?.['expires-at']).toBe(new Date(client.now() + 86_400_000).toISOString())
    expect(claimsOf(token ?? '').sub).toBe(client.fake.inquiries.get(id)?.relationships.sessions.data[1]?.id)
  })

  it('is refused with 422 when the inquiry has all the sessions it may have', async () => {
    const client = createFakeWithClient()
    const id = await client.create()
    for (let count = 0; count < 25; count++) {
      client.fake.inquiries.simulate(id, 'expire_inquiry')
      expect((await resume(client, id)).status).toBe(200)
    }
    client.fake.inquiries.simulate(id, 'expire_inquiry')
    expect((await resume(client, id)).status).toBe(422)
    expect(client.fake.inquiries.get(id)?.attributes.status).toBe('expired')
  })

  it('is refused for a redacted inquiry', async () => {
    const client = createFakeWithClient()
    const id = await client.create()
    client.fake.inquiries.simulate(id, 'start_inquiry')
    await client.call('DELETE', `/inquiries/${id}`)
    const { status, errors } = await resume(client, id)
    expect([status, errors?.[0]?.details]).toEqual([409, 'Inquiry already redacted'])
  })
})
