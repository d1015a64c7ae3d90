import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectNats } from '@nats-io/transport-node'
import {
  createKycEngine,
  createPersonaClient,
  type KycEngine,
  type KycStorage,
  type Transition,
} from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import { connect as connectRabbitmq } from 'amqplib'
import { HTTP } from 'cloudevents'
import createKnex, { type Knex } from 'knex'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type AppDatabase, createAppDatabase, migrateForApp } from '../../../test-setup/app-database.js'
import { EVENT_TYPE, toCloudEvent } from '../src/cloud-event.js'
import { createNatsPublisher } from '../src/nats-publisher.js'
import type { Publisher } from '../src/publisher.js'
import { createRabbitmqPublisher } from '../src/rabbitmq-publisher.js'
import { relay } from '../src/relay.js'

const { NATS_URL = 'nats://127.0.0.1:4222', RABBITMQ_URL = 'amqp://127.0.0.1:5672' } = process.env
const hasNats = await listens(NATS_URL)
const hasRabbitmq = await listens(RABBITMQ_URL)
const SOURCE = 'urn:relay-test'
const NOBODY = 'nothing listens there'

let owner: Knex
let knex: Knex
let storage: KycStorage
let engine: KycEngine
let database: AppDatabase
let transitions: Transition[]

beforeAll(async () => {
  database = await createAppDatabase()
  owner = createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 1 } })
  knex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 0, max: 8 } })
  await migrateForApp(owner)
  storage = createKnexStorage({ knex })
  engine = createKycEngine({
    persona: createPersonaClient({ apiKey: 'none' }),
    storage,
    templateId: 'none',
    webhookSecrets: 'wbhsec_relay',
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
  await move(8, 5)
  // The feed shows nothing newer than the oldest transaction of the cluster, where other tests run too.
  await vi.waitFor(
    async () => {
      transitions = [...(await storage.readFeed({ after: null, limit: 500 })).items]
      expect(transitions).toHaveLength(40)
    },
    { timeout: 25_000 },
  )
})
beforeEach(async () => {
  await owner('persona_kyc.kyc_consumers').delete()
})
afterAll(async () => {
  await knex.destroy()
  await owner.destroy()
  await database.drop()
})

it('tells ids and states as a CloudEvent', () => {
  const [transition] = transitions
  if (transition === undefined) return expect.fail('there are transitions')
  expect(toCloudEvent(transition, SOURCE).toJSON()).toEqual({
    specversion: '1.0',
    id: `${transition.caseId}.1`,
    source: SOURCE,
    type: EVENT_TYPE,
    subject: transition.caseId,
    time: transition.recordedAt.toISOString(),
    datacontenttype: 'application/json',
    data: {
      case_id: transition.caseId,
      revision: 1,
      from: 'pending',
      to: transition.to,
      score: transition.score,
      event_id: transition.eventId,
      occurred_at: transition.occurredAt.toISOString(),
    },
  })
})

describe(`NATS JetStream${hasNats ? '' : ` (skipped: ${NOBODY}, ${NATS_URL})`}`, () => {
  it.skipIf(!hasNats)('keeps every transition once and in order, also what is published twice', async () => {
    const { publisher, read } = await createNats()
    await relayAll([publisher])
    await owner('persona_kyc.kyc_consumers').delete()
    await relayAll([publisher])
    expectAll(await read())
  })

  it.skipIf(!hasNats)('loses nothing when the relay dies between the publish and its note of it', async () => {
    const { publisher, read } = await createNats()
    for (let death = 1; death <= 3; death++) {
      const stop = new AbortController()
      const dying: Publisher = {
        close: publisher.close,
        async publish(event) {
          await publisher.publish(event)
          // It never gets to save its place.
          stop.abort()
          throw new Error('died')
        },
      }
      await relay({ engine, publishers: [dying], source: SOURCE, signal: stop.signal, pollMs: 10 })
    }
    await relayAll([publisher])
    expectAll(await read())
  })
})

describe(`RabbitMQ${hasRabbitmq ? '' : ` (skipped: ${NOBODY}, ${RABBITMQ_URL})`}`, () => {
  it.skipIf(!hasRabbitmq)('keeps every transition, in order', async () => {
    const { publisher, read } = await createRabbitmq()
    await relayAll([publisher])
    expectAll(await read())
  })

  it.skipIf(!hasRabbitmq)('is tried again as long as no queue takes the events', async () => {
    const { publisher, read, bind } = await createRabbitmq({ isBound: false })
    await expect(publisher.publish(toCloudEvent(first(), SOURCE))).rejects.toThrow(/No queue took/)
    const relaying = relayAll([publisher])
    await vi.waitFor(async () => expect((await engine.listConsumers())[0]?.attempts).toBeGreaterThan(1))
    await bind()
    await relaying
    expectAll(await read())
  })

  it.skipIf(!hasRabbitmq)('is connected to again when the connection breaks, and nothing is lost', async () => {
    const { publisher, read, proxy } = await createRabbitmq({ isProxied: true })
    let published = 0
    const breaking: Publisher = {
      close: publisher.close,
      async publish(event) {
        published += 1
        if (published % 7 === 0) proxy.breakAll()
        await publisher.publish(event)
      },
    }
    await relayAll([breaking])
    const seen = await read()
    expectAll(seen.filter(({ id }, index) => seen.findIndex((other) => other.id === id) === index))
    expect(proxy.breaks()).toBeGreaterThan(3)
  })
})

it.skipIf(!hasNats || !hasRabbitmq)('publishes to both, and is done when both have confirmed', async () => {
  const [nats, rabbitmq] = [await createNats(), await createRabbitmq()]
  await relayAll([nats.publisher, rabbitmq.publisher])
  expectAll(await nats.read())
  expectAll(await rabbitmq.read())
})

describe('the program', () => {
  it.skipIf(!hasNats)('relays until SIGTERM, and then ends in order', async () => {
    const stream = `KYC_${crypto.randomUUID()}`
    onTestFinished(async () => {
      const connection = await connectNats({ servers: NATS_URL })
      await (await jetstreamManager(connection)).streams.delete(stream)
      await connection.close()
    })
    const child = start({ ...database.environment, NATS_URL, RELAY_STREAM: stream })
    const exited = once(child, 'exit')
    for await (const chunk of child.stdout ?? []) if (String(chunk).includes('following the feed')) break
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })

  it('says what it lacks', async () => {
    const child = start({})
    let text = ''
    child.stderr?.on('data', (chunk) => {
      text += chunk
    })
    expect(await once(child, 'close')).toEqual([2, null])
    expect(text).toContain('Set DATABASE_URL, and NATS_URL')
  })
})

function start(environment: Record<string, string>): ChildProcess {
  const { PATH = '', HOME = '' } = process.env
  return spawn(process.execPath, ['--import', 'tsx', 'examples/relay/src/main.ts'], {
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
    env: { PATH, HOME, TSX_TSCONFIG_PATH: 'tsconfig.json', ...environment },
  })
}

interface Seen {
  readonly id: string
  readonly subject?: string
  readonly data: { readonly case_id: string; readonly revision: number }
}

/** Relays until the last transition is done. */
async function relayAll(publishers: readonly Publisher[]): Promise<void> {
  const stop = new AbortController()
  const relaying = relay({
    engine,
    publishers,
    source: SOURCE,
    signal: stop.signal,
    pollMs: 10,
    retryMs: 5,
    maxRetryMs: 20,
  })
  await vi.waitFor(
    async () => {
      const [consumer] = await engine.listConsumers()
      const end = (await storage.readFeed({ after: null, limit: 500 })).next
      expect(consumer?.cursor).toBe(end)
    },
    { timeout: 20_000 },
  )
  stop.abort()
  await relaying
}

/** Every transition is there once, and each case's in order. */
function expectAll(seen: readonly Seen[]): void {
  expect(seen.map(({ id }) => id).sort()).toEqual(
    transitions.map(({ caseId, revision }) => `${caseId}.${revision}`).sort(),
  )
  const revisions = new Map<string, number>()
  for (const { data, subject } of seen) {
    expect(subject).toBe(data.case_id)
    expect(data.revision).toBe((revisions.get(data.case_id) ?? 0) + 1)
    revisions.set(data.case_id, data.revision)
  }
}

function first(): Transition {
  const [transition] = transitions
  if (transition === undefined) throw new Error('There is no transition.')
  return transition
}

async function createNats() {
  const name = `KYC_${crypto.randomUUID()}`
  const publisher = await createNatsPublisher({ url: NATS_URL, stream: name, subject: name })
  const connection = await connectNats({ servers: NATS_URL })
  const manager = await jetstreamManager(connection)
  onTestFinished(async () => {
    await publisher.close()
    await manager.streams.delete(name)
    await connection.close()
  })
  return {
    publisher,
    async read(): Promise<Seen[]> {
      const { messages } = (await manager.streams.info(name)).state
      const consumer = await jetstream(connection).consumers.get(name)
      const seen: Seen[] = []
      for await (const message of await consumer.fetch({ max_messages: messages, expires: 5000 })) {
        seen.push(JSON.parse(message.string()) as Seen)
      }
      return seen
    },
  }
}

async function createRabbitmq({ isBound = true, isProxied = false } = {}) {
  const name = `kyc-${crypto.randomUUID()}`
  const proxy = await startProxy(RABBITMQ_URL)
  const publisher = createRabbitmqPublisher({ url: isProxied ? proxy.url : RABBITMQ_URL, exchange: name })
  const connection = await connectRabbitmq(RABBITMQ_URL)
  const channel = await connection.createChannel()
  await channel.assertExchange(name, 'topic', { durable: true })
  await channel.assertQueue(name)
  const bind = () => channel.bindQueue(name, name, '#')
  if (isBound) await bind()
  onTestFinished(async () => {
    await publisher.close()
    await channel.deleteQueue(name)
    await channel.deleteExchange(name)
    await connection.close()
    proxy.close()
  })
  return {
    publisher,
    bind,
    proxy,
    async read(): Promise<Seen[]> {
      const seen: Seen[] = []
      for (
        let message = await channel.get(name, { noAck: true });
        message;
        message = await channel.get(name, { noAck: true })
      ) {
        expect(message.properties.deliveryMode, 'the message is persistent').toBe(2)
        const headers = { 'content-type': message.properties.contentType }
        const event = HTTP.toEvent({ headers, body: message.content.toString() })
        seen.push((Array.isArray(event) ? event[0] : event) as unknown as Seen)
      }
      return seen
    },
  }
}

/** Stands between the relay and the broker, to cut the connection. */
async function startProxy(url: string) {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let breaks = 0
  const server = createServer((incoming) => {
    const outgoing = connectSocket(Number(port) || 5672, hostname)
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `amqp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    breaks: () => breaks,
    breakAll() {
      breaks += 1
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Turns that many cases around, so many times each. */
async function move(cases: number, times: number): Promise<void> {
  const now = new Date()
  for (let index = 0; index < cases; index++) {
    const id = `case-${index}`
    await storage.createCase({
      id,
      userId: id,
      documentType: 'passport',
      sealedPersonalData: null,
      idempotencyKey: null,
      createdAt: now,
      initiatingUntil: now,
    })
    const inquiry = {
      inquiryId: `inq-${index}`,
      replaces: null,
      personaStatus: 'created',
      sealedSessionToken: null,
      now,
    }
    await storage.attachInquiry(id, inquiry)
  }
  for (let turn = 0; turn < times; turn++) {
    for (let index = 0; index < cases; index++) {
      const status = turn % 2 === 0 ? 'verified' : 'rejected'
      await storage.recordEvent({
        id: `evt-${index}-${turn}`,
        name: 'inquiry.transitioned',
        inquiryId: `inq-${index}`,
        referenceId: null,
        effect: { personaStatus: 'approved', status, score: 1, occurredAt: new Date(now.getTime() + turn), rank: 6 },
        createdAt: now,
        receivedAt: now,
        delivery: null,
      })
    }
  }
}

function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connectSocket(Number(port) || 5672, hostname)
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
