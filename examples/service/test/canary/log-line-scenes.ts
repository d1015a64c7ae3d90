import { createMemoryStorage, type KycEngineOptions } from '@persona-kyc/core'
import { createInquiryEvent } from '@persona-kyc/testing'
import { CANARIES, EVERYTHING, FIELDS } from './canaries.js'
import type { World, WorldOptions } from './canary-world.js'

/** Something that happens, and what it leaves in the log. */
export interface LogLineScene {
  readonly name: string
  /** `level message`; of a message with values, what stands before the first one. */
  readonly lines: readonly string[]
  readonly options?: () => WorldOptions
  play(world: World): Promise<unknown>
}

const fail = () => Promise.reject(Object.assign(new Error(EVERYTHING, { cause: EVERYTHING }), { detail: EVERYTHING }))
const withEngine = (engine: Partial<KycEngineOptions>): WorldOptions => ({ engine })
const toPath = (caseId: string) => `/compliance/kyc/${caseId}`
const DAY_MS = 86_400_000

/** Tells of an inquiry that nobody here has heard of, as one of an erased case. */
async function tellOfLeftover({ ask, createCase, deliver }: World, beforehand: () => void): Promise<void> {
  const { caseId } = await createCase()
  await ask('DELETE', toPath(caseId))
  beforehand()
  const inquiry = { inquiryId: 'inq_leftover', referenceId: caseId, templateId: 'itmpl_nest', fields: FIELDS }
  await deliver(JSON.stringify(createInquiryEvent({ name: 'inquiry.completed', ...inquiry })))
}

/** Follows the feed, in which there is one transition, until that has been logged. */
async function followUntil({ createCase, engine, log, move }: World, message: string): Promise<void> {
  const stop = new AbortController()
  log.untilLogged(message).then(() => stop.abort())
  const { inquiryId } = await createCase()
  await move(inquiryId, 'approved')
  await engine.follow('nest', fail, { maxAttempts: 1, signal: stop.signal })
}

/** A storage of whose methods one fails for the first time. */
function createFailingStorage(method: 'readFeed' | 'releaseConsumer' | 'renewConsumer') {
  const storage = createMemoryStorage()
  const once = storage[method]
  let isFirst = true
  const failing = (...parameters: never[]) => {
    if (!isFirst) return Reflect.apply(once, storage, parameters)
    isFirst = false
    return fail()
  }
  return { ...storage, [method]: failing }
}

/** All that is logged, each line with canaries around it. */
export const LOG_LINE_SCENES: readonly LogLineScene[] = [
  {
    name: 'a case lives and is erased',
    lines: [
      'debug event recorded',
      'debug request authorized',
      'info case moved',
      'info inquiry redacted',
      'info ready to issue identity claim',
    ],
    async play({ ask, createCase, move }) {
      const { caseId, inquiryId } = await createCase()
      await move(inquiryId, 'approved')
      await ask('DELETE', toPath(caseId))
    },
  },
  {
    name: 'a caller may not',
    lines: ['debug request answered with a problem', 'warn request refused'],
    options: () => ({ handler: { authorize: () => 'forbidden' } }),
    play: ({ initiate }) => initiate(),
  },
  {
    name: 'authorize fails',
    lines: ['error authorize failed', 'error request failed'],
    options: () => ({ handler: { authorize: fail } }),
    async play({ ask, initiate }) {
      await initiate()
      await ask('GET', '/webhooks/persona/health')
    },
  },
  {
    name: 'the storage does not answer',
    lines: ['error the storage does not answer'],
    options: () => withEngine({ storage: { ...createMemoryStorage(), ping: fail } }),
    play: ({ ask }) => ask('GET', '/webhooks/persona/health'),
  },
  {
    name: 'a start is cut off, and goes on',
    lines: ['info inquiry of an interrupted initiation adopted', 'warn inquiry not created'],
    async play({ fake, initiate }) {
      fake.fail({ kind: 'connection_reset_after', method: 'POST' })
      await initiate()
      await initiate()
    },
  },
  {
    name: 'a second start cannot look for what the first has left',
    lines: ['warn other inquiries of the case not looked for'],
    async play({ initiate, persona }) {
      persona.failNext(500)
      await initiate()
      persona.failNext('well', 'GET')
      persona.failNext('broken', 'GET')
      await initiate()
    },
  },
  {
    name: 'a case is erased while its inquiry is being created',
    lines: ['warn inquiry abandoned'],
    options() {
      const storage = createMemoryStorage()
      const attachInquiry: typeof storage.attachInquiry = async (caseId, inquiry) => {
        await storage.eraseCase(caseId, inquiry.now)
        return storage.attachInquiry(caseId, inquiry)
      }
      return withEngine({ storage: { ...storage, attachInquiry } })
    },
    play: ({ initiate }) => initiate(),
  },
  {
    name: 'an inquiry is gone, and its end cannot be had',
    lines: ['info inquiry replaced', 'info replaced inquiry not expired'],
    async play({ clock, initiate, persona }) {
      await initiate()
      clock.ms += 2 * DAY_MS
      persona.failNext(404, 'GET')
      persona.failNext('well')
      persona.failNext('broken')
      await initiate()
    },
  },
  {
    name: 'Persona does not resume',
    lines: ['info inquiry not resumed'],
    async play({ ask, createCase, persona }) {
      const { caseId } = await createCase()
      persona.failNext(422)
      await ask('POST', `${toPath(caseId)}/resume`)
    },
  },
  {
    name: 'a webhook is forged, and one is no event',
    lines: ['warn webhook is signed but cannot be read', 'warn webhook refused'],
    async play({ deliver }) {
      await deliver(EVERYTHING, { signature: `t=1,v1=${CANARIES.signature}` })
      await deliver(EVERYTHING)
    },
  },
  {
    name: 'an inquiry of an erased case turns up',
    lines: ['warn inquiry of an erased case redacted'],
    play: (world) => tellOfLeftover(world, () => {}),
  },
  {
    name: 'an inquiry of an erased case turns up, and Persona is away',
    lines: ['error inquiry of an erased case not redacted'],
    play: (world) => tellOfLeftover(world, () => world.persona.failNext('broken', 'DELETE')),
  },
  {
    name: 'what did not come is fetched',
    lines: ['error not reconciled: it is tried again', 'info events replayed', 'info reconciled'],
    async play({ createCase, engine, fake, log, persona }) {
      const { inquiryId } = await createCase()
      await fake.inquiries.open(inquiryId)
      const stop = new AbortController()
      log.untilLogged('reconciled').then(() => stop.abort())
      persona.failNext('broken', 'GET')
      await engine.reconcileEvery({ quietMs: 0, signal: stop.signal })
      await engine.replayEvents()
    },
  },
  {
    name: 'a history is imported',
    lines: ['info events imported'],
    async play({ createCase, engine }) {
      const { inquiryId } = await createCase()
      const event = createInquiryEvent({ name: 'inquiry.approved', inquiryId, fields: FIELDS })
      await engine.importEvents([EVERYTHING, JSON.stringify(EVERYTHING), JSON.stringify(event)])
    },
  },
  {
    name: 'the rate limiter fails',
    lines: ['error rate limiter failed'],
    options: () => ({ handler: { rateLimits: { initiatePerPrincipal: { consume: fail } } } }),
    play: ({ initiate }) => initiate(),
  },
  {
    name: 'a hook of the app fails',
    lines: ['error onTransition failed'],
    options: () => withEngine({ onTransition: fail }),
    async play({ createCase, move }) {
      const { inquiryId } = await createCase()
      await move(inquiryId, 'approved')
    },
  },
  {
    name: 'a hook of the app does not end',
    lines: ['warn onTransition takes long'],
    options: () => withEngine({ onTransition: () => new Promise(() => {}) }),
    async play({ createCase, move }) {
      const { inquiryId } = await createCase()
      await move(inquiryId, 'approved')
    },
  },
  {
    name: 'the secrets of the webhook cannot be had',
    lines: ['error webhook secrets not renewed'],
    options: () => withEngine({ webhookSecrets: fail }),
    play: ({ deliver }) => deliver(EVERYTHING),
  },
  {
    name: 'Persona is about to give up, or signs with its first time',
    lines: ['error alarm: '],
    async play({ clock, deliver, sign }) {
      const body = JSON.stringify(createInquiryEvent({ name: 'inquiry.approved', inquiryId: 'inq_1', fields: FIELDS }))
      const headers = { 'persona-webhook-attempts-made': '7', 'persona-webhook-attempts-left': '1' }
      const signature = await sign(body)
      await deliver(body, { headers })
      clock.ms += DAY_MS
      await deliver(body, { headers, signature })
    },
  },
  {
    name: 'a follower fails, is put aside, and comes again',
    lines: [
      'error alarm: ',
      'error onAlarm failed',
      'info dead letter replayed',
      'info following the feed',
      'warn handler of the feed failed',
    ],
    options: () => withEngine({ onAlarm: fail }),
    async play(world) {
      await followUntil(world, 'onAlarm failed')
      await world.engine.replayDeadLetters('nest')
      await followUntil(world, 'dead letter replayed')
    },
  },
  ...(
    [
      ['readFeed', 'error follower interrupted: it goes on by itself'],
      ['releaseConsumer', 'warn lease not given back: it ends by itself'],
      ['renewConsumer', 'warn lease not renewed'],
    ] as const
  ).map(([method, line]) => ({
    name: `${method} fails under a follower`,
    lines: [line],
    options: () => withEngine({ storage: createFailingStorage(method) }),
    play: (world: World) =>
      followUntil(world, method === 'releaseConsumer' ? 'alarm: dead_letter' : line.slice(line.indexOf(' ') + 1)),
  })),
]
