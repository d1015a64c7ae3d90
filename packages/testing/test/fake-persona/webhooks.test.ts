import { createHmac } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import type { DeliveryResult, WebhookSubscription } from '../../src/fake-persona/delivery.js'
import { createSeededRandom } from '../../src/seeded-random.js'
import { createFakeWithClient } from './client.js'

interface Received {
  readonly headers: Record<string, string>
  readonly text: string
  readonly name: string
  readonly eventId: string
  readonly atSeconds: number
}

/** A fake whose webhook is answered by `answer`, and what arrived there. */
function createReceiver(
  answer: (attempt: number, request: Request) => Response | Promise<Response> = () => new Response(),
  settings: Partial<WebhookSubscription> = {},
) {
  const received: Received[] = []
  const receive = async (request: Request) => {
    const text = await request.clone().text()
    const { id, attributes } = JSON.parse(text).data
    const headers = Object.fromEntries(request.headers)
    received.push({ headers, text, name: attributes.name, eventId: id, atSeconds: client.now() / 1000 })
    return answer(received.length, request)
  }
  const webhook = { url: 'https://app.example/webhooks', secrets: 'wbhsec_1', fetch: receive, ...settings }
  const client = createFakeWithClient({ webhook, random: createSeededRandom(7), inquiryExpirySeconds: 1e9 })
  return { ...client, received, webhooks: client.fake.webhooks }
}

const DELAYS = [3, 64, 729, 4096, 15625, 46656, 117649]

describe('a webhook', () => {
  it('is told only of the events that it is enabled for', async () => {
    const { create, fake, received, webhooks } = createReceiver(undefined, { enabledEvents: ['inquiry.started'] })
    fake.inquiries.simulate(await create(), 'start_inquiry', 'complete_inquiry')
    await webhooks.deliverDue()
    expect(received.map(({ name }) => name)).toEqual(['inquiry.started'])
  })
})

describe('a delivery', () => {
  it('carries the event with its signature and the headers of the first attempt', async () => {
    const { create, now, received, webhooks, fake } = createReceiver()
    await create()
    const results = await webhooks.deliverDue()
    const [delivery] = received
    const seconds = String(now() / 1000)
    const digest = createHmac('sha256', 'wbhsec_1').update(`${seconds}.${delivery?.text}`).digest('hex')
    expect(delivery?.headers).toMatchObject({
      'content-type': 'application/json',
      'persona-signature': `t=${seconds},v1=${digest}`,
      'persona-webhook-attempts-made': '1',
      'persona-webhook-attempts-left': '7',
      'persona-webhook-first-attempted-at': seconds,
    })
    const [event] = fake.events.list()
    expect(results).toEqual([{ eventId: event?.id, name: 'inquiry.created', attempt: 1, status: 200 }])
    expect(JSON.parse(delivery?.text ?? '').data.attributes.payload.included).toEqual([])
    expect(webhooks.pending()).toEqual([])
  })

  it('is in the casing of the webhook, whatever the client’s', async () => {
    const { create, received, webhooks } = createReceiver(undefined, { inflection: 'camel' })
    await create({ attributes: { fields: { 'name-first': 'Ada' } } })
    await webhooks.deliverDue()
    const { attributes } = JSON.parse(received[0]?.text ?? '').data
    expect(Object.keys(attributes)).toEqual(['name', 'payload', 'createdAt'])
    expect(attributes.payload.data.attributes.fields['name-first'].value).toBe('Ada')
  })

  it('is signed with each of several secrets', async () => {
    const { create, received, webhooks } = createReceiver(undefined, { secrets: ['wbhsec_new', 'wbhsec_old'] })
    await create()
    await webhooks.deliverDue()
    expect(received[0]?.headers['persona-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64} t=\d+,v1=[0-9a-f]{64}$/)
  })

  it('is tried eight times after Persona’s delays, with the same bytes and a new signature', async () => {
    const { create, advance, received, webhooks, now } = createReceiver(() => new Response(null, { status: 500 }))
    await create()
    const start = now() / 1000
    await webhooks.deliverDue()
    for (const delay of DELAYS) {
      advance(delay - 0.001)
      expect(await webhooks.deliverDue()).toEqual([])
      advance(0.001)
      expect(await webhooks.deliverDue()).toMatchObject([{ status: 500 }])
    }
    expect(webhooks.pending()).toEqual([])
    expect(new Set(received.map(({ text }) => text)).size).toBe(1)
    const header = (name: string) => received.map(({ headers }) => Number(headers[`persona-webhook-${name}`]))
    expect(header('attempts-made')).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(header('attempts-left')).toEqual([7, 6, 5, 4, 3, 2, 1, 0])
    expect(new Set(header('first-attempted-at'))).toEqual(new Set([start]))
    const times = received.map(({ headers }) => Number(/t=(\d+)/.exec(headers['persona-signature'] ?? '')?.[1]))
    expect(times).toEqual(received.map(({ atSeconds }) => Math.floor(atSeconds)))
  })

  it('is signed with the time of the first attempt on demand', async () => {
    const answer = (attempt: number) => new Response(null, { status: attempt === 1 ? 503 : 204 })
    const { create, advance, received, webhooks } = createReceiver(answer, { reuseFirstTimestamp: true })
    await create()
    await webhooks.deliverDue()
    advance(3)
    await webhooks.deliverDue()
    const signatures = received.map(({ headers }) => headers['persona-signature'])
    expect(signatures).toEqual([signatures[0], signatures[0]])
    expect(webhooks.pending()).toEqual([])
  })

  it('fails on a redirect and on a broken connection', async () => {
    const answer = (attempt: number) => {
      if (attempt === 2) throw new TypeError('fetch failed')
      return new Response(null, { status: 302, headers: { Location: 'https://app.example/' } })
    }
    const { create, advance, webhooks } = createReceiver(answer)
    await create()
    expect(await webhooks.deliverDue()).toMatchObject([{ attempt: 1, status: 302 }])
    advance(3)
    expect(await webhooks.deliverDue()).toMatchObject([{ attempt: 2, status: undefined }])
    expect(webhooks.pending()).toMatchObject([{ attemptsMade: 2 }])
  })

  it('fails when the answer takes longer than five seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { create, webhooks, received } = createReceiver(() => new Promise<Response>(() => {}))
      await create()
      const results = webhooks.deliverDue()
      await vi.waitUntil(() => received.length === 1)
      await vi.advanceTimersByTimeAsync(5000)
      expect(await results).toMatchObject([{ status: undefined }])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('deliveries', () => {
  it('are duplicated and shuffled on demand, in a reproducible order', async () => {
    const run = async () => {
      const { create, fake, received, webhooks } = createReceiver()
      fake.inquiries.simulate(await create(), 'start_inquiry', 'complete_inquiry', 'approve_inquiry')
      const results = await webhooks.deliverAll({ duplicates: 2, shuffle: true })
      expect(results.every(({ attempt }) => attempt === 1)).toBe(true)
      expect(webhooks.pending()).toEqual([])
      return { order: received.map(({ eventId }) => eventId), events: fake.events.list().map(({ id }) => id) }
    }
    const { order, events } = await run()
    expect(order.toSorted()).toEqual([...events, ...events, ...events].sort())
    expect(order).not.toEqual(events.flatMap((id) => [id, id, id]))
    expect((await run()).order).toEqual(order)
  })

  it('arrive at the same time on demand', async () => {
    const gates: (() => void)[] = []
    const answer = () =>
      new Promise<Response>((resolve) => {
        gates.push(() => resolve(new Response()))
        if (gates.length === 4) for (const open of gates) open()
      })
    const { create, fake, webhooks } = createReceiver(answer)
    fake.inquiries.simulate(await create(), 'start_inquiry')
    expect(await webhooks.deliverAll({ duplicates: 1, parallel: true })).toHaveLength(4)
  })

  it('are done when one copy was accepted, and tried again when none was', async () => {
    const { create, webhooks, now } = createReceiver(
      (attempt) => new Response(null, { status: attempt === 2 ? 200 : 500 }),
    )
    await create()
    await webhooks.deliverAll({ duplicates: 2 })
    expect(webhooks.pending()).toEqual([])
    await create()
    await webhooks.deliverAll({ duplicates: 2 })
    expect(webhooks.pending()).toMatchObject([{ attemptsMade: 1, dueAtMs: now() + 3000 }])
  })

  it('do not overlap with those under way', async () => {
    const { create, webhooks, received } = createReceiver()
    await create()
    await Promise.all([webhooks.deliverDue(), webhooks.deliverDue(), webhooks.deliverAll()])
    expect(received).toHaveLength(1)
  })

  it('are held back while paused, unless all are asked for', async () => {
    const { create, webhooks } = createReceiver()
    webhooks.pause()
    await create()
    expect(await webhooks.deliverDue()).toEqual([])
    webhooks.resume()
    expect(await webhooks.deliverDue()).toHaveLength(1)
    webhooks.pause()
    await create()
    expect(await webhooks.deliverAll()).toHaveLength(1)
  })

  it('are lost on demand, while the events stay', async () => {
    const { create, fake, webhooks } = createReceiver()
    webhooks.dropNext(2)
    fake.inquiries.simulate(await create(), 'start_inquiry', 'complete_inquiry')
    expect(webhooks.pending().map(({ name }) => name)).toEqual(['inquiry.completed'])
    expect(fake.events.list()).toHaveLength(3)
  })

  it('go nowhere without a subscription, and to the new address after one', async () => {
    const { fake, create } = createFakeWithClient()
    await create()
    expect(await fake.webhooks.deliverAll()).toEqual([])
    const urls: string[] = []
    const send = (request: Request) => {
      urls.push(request.url)
      return new Response()
    }
    fake.webhooks.subscribe({ url: 'https://late.example/', secrets: 's', fetch: send })
    await create()
    await fake.webhooks.deliverDue()
    expect(urls).toEqual(['https://late.example/'])
  })
})

describe('with auto', () => {
  it('are delivered when they happen and tried again on timers', async () => {
    const delivered = createSignal<DeliveryResult>()
    const answer = (attempt: number) => new Response(null, { status: attempt === 1 ? 500 : 200 })
    const settings = { auto: true, retryDelaysSeconds: [0.001], onDelivery: delivered.push }
    const { create, webhooks, received } = createReceiver(answer, settings)
    await create()
    expect(await delivered.next()).toMatchObject({ name: 'inquiry.created', attempt: 1, status: 500 })
    expect(await delivered.next()).toMatchObject({ name: 'inquiry.created', attempt: 2, status: 200 })
    expect(received.map(({ headers }) => headers['persona-webhook-attempts-left'])).toEqual(['1', '0'])
    expect(webhooks.pending()).toEqual([])
  })

  it('wait while paused and come when that ends', async () => {
    const delivered = createSignal<DeliveryResult>()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { create, webhooks } = createReceiver(undefined, { auto: true, onDelivery: delivered.push })
      webhooks.pause()
      await create()
      await vi.advanceTimersByTimeAsync(60_000)
      expect(vi.getTimerCount()).toBe(0)
      expect(webhooks.pending()).toMatchObject([{ attemptsMade: 0 }])
      webhooks.resume()
      vi.advanceTimersByTime(1)
      expect(await delivered.next()).toMatchObject({ name: 'inquiry.created', status: 200 })
    } finally {
      vi.useRealTimers()
    }
  })
})

/** A queue whose reader waits for the next value. */
function createSignal<T>() {
  const values: T[] = []
  const waiting: ((value: T) => void)[] = []
  return {
    push(value: T) {
      const next = waiting.shift()
      if (next === undefined) values.push(value)
      else next(value)
    },
    next: () => {
      const value = values.shift()
      return value === undefined ? new Promise<T>((resolve) => waiting.push(resolve)) : Promise.resolve(value)
    },
  }
}
