import { inspect } from 'node:util'
import { createMemoryStorage, KycError, type KycStorage, StorageError } from '@persona-kyc/core'
import { createInquiryEvent } from '@persona-kyc/testing'
import { describe, expect, it } from 'vitest'
import { CANARIES, findCanaries } from './canaries.js'
import { ADAPTERS } from './canary-adapters.js'
import { type World, type WorldOptions, withWorld } from './canary-world.js'
import { toAnswerPlace } from './leak-search.js'
import { createLogRecorder, LEVELS } from './log-recorder.js'
import { toVisibleText } from './visible-text.js'

const toBytes = (value: string) => new Uint8Array(Buffer.from(value))
const swapCase = (value: string) =>
  value.replaceAll(/./gs, (char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()))

/** How a value may come to stand in a text. */
const WRITERS: Readonly<Record<string, (value: string) => string>> = {
  'as it is': (value) => `<${value}>`,
  'in the other case': swapCase,
  backwards: (value) => [...value].reverse().join(''),
  'in JSON': (value) => JSON.stringify({ value }),
  'in JSON within JSON': (value) => JSON.stringify({ value: JSON.stringify({ value }) }),
  'in a URL': (value) => `https://x.example/?q=${encodeURIComponent(value)}`,
  'in a query': (value) => `${new URLSearchParams({ value })}`,
  'in hex': (value) => Buffer.from(value).toString('hex').toUpperCase(),
  'in hex with spaces': (value) => inspect(Buffer.from(value)),
  'in base64': (value) => Buffer.from(value).toString('base64'),
  'in base64 after one byte': (value) => Buffer.from(`:${value}:`).toString('base64'),
  'in base64 after two bytes': (value) => Buffer.from(`::${value}::`).toString('base64'),
  'in base64 of URLs': (value) => Buffer.from(`{"v":"${value}"}`).toString('base64url'),
  'as bytes': (value) => inspect(toBytes(value), { maxArrayLength: null }),
  'as bytes in JSON': (value) => JSON.stringify({ value: toBytes(value) }),
  'as a buffer in JSON': (value) => JSON.stringify({ value: Buffer.from(value) }),
}

describe('a canary in a text', () => {
  it.each(Object.entries(WRITERS))('is found %s', (_, write) => {
    // Node shows no more than 50 bytes of a buffer.
    const values = Object.entries(CANARIES).filter(([, value]) => value.length <= 50)
    const found = values.map(([name, value]) => findCanaries(write(value), { [name]: value }).length)
    expect(found).toEqual(values.map(() => 1))
  })

  it('is not found where there is none', () => {
    expect(findCanaries(JSON.stringify({ status: 'approved', case_id: crypto.randomUUID() }))).toEqual([])
  })
})

describe('a canary in an error', () => {
  const secret = CANARIES.phone
  const hidden = Object.defineProperty(new Error('It broke.'), 'secret', { enumerable: false, value: { secret } })

  it.each<[string, unknown]>([
    ['its message', new Error(secret)],
    ['its cause', new Error('It broke.', { cause: new Error(secret) })],
    ['what its cause has', new Error('It broke.', { cause: { deep: [{ er: { still: secret } }] } })],
    ['its stack', Object.assign(new Error('It broke.'), { stack: secret })],
    ['a member that is not enumerable', hidden],
    ['a member that is a symbol', Object.assign(new Error('It broke.'), { [Symbol('secret')]: secret })],
    ['a getter', Object.defineProperty(new Error('It broke.'), 'secret', { enumerable: true, get: () => secret })],
    ['a map', Object.assign(new Error('It broke.'), { map: new Map([['secret', secret]]) })],
    ['its JSON', Object.assign(new Error('It broke.'), { toJSON: () => ({ secret }) })],
    ['one of many errors', new AggregateError([new Error(secret)], 'It broke.')],
  ])('is found in %s', (_, error) => {
    expect(findCanaries(toVisibleText(error))).toEqual(['phone as plain'])
  })
})

describe('a canary in an answer', () => {
  const answer = { status: 404, head: 'Not Found', body: '{}' }
  const find = (changes: Partial<typeof answer>) => {
    const [, text, needles] = toAnswerPlace({ ...answer, ...changes }, 0, { ...CANARIES, 'secret 0': 'a-session' })
    return findCanaries(text, needles)
  }

  it.each([
    ['the body', { body: `{"detail":"${CANARIES.queryValue}"}` }, ['queryValue as plain']],
    ['a header', { head: `Not Found\nlocation\n/?q=${CANARIES.queryValue}` }, ['queryValue as plain']],
    ['the user of a refusal', { body: CANARIES.userId }, ['userId as plain']],
    ['the session token of a refusal', { body: 'a-session' }, ['secret 0 as plain']],
    ['the user of a case', { body: CANARIES.userId, status: 200 }, []],
    ['the session token of a case', { body: '{"persona_session_token":"a-session"}', status: 200 }, []],
    ['the session token in another place', { body: '{"code":"a-session"}', status: 200 }, ['secret 0 as plain']],
    ['the name of a person', { body: CANARIES.name, status: 200 }, ['name as plain']],
  ])('is found in %s, as far as it must not be there', (_, changes, expected) => {
    expect(find(changes)).toEqual(expected)
  })
})

/** A service that leaks, what happens there, and the leaks that must be found. */
interface Leak {
  readonly options: () => WorldOptions
  readonly play: (world: World) => Promise<unknown>
  readonly found: string
}

const askForCase: Leak['play'] = ({ ask }) => ask('GET', '/compliance/kyc/a-case')

/** An `authorize` that tells somebody the token of who calls. */
function tell(found: string, write: (token: string) => unknown, options: WorldOptions = {}): Leak {
  const authorize = ({ token }: { readonly token: string | null }) => {
    write(String(token))
    return 'forbidden' as const
  }
  return { options: () => ({ ...options, handler: { authorize } }), play: askForCase, found }
}

function withStorage(found: string, changes: Partial<KycStorage>, play: Leak['play'] = askForCase): Leak {
  return { options: () => ({ engine: { storage: { ...createMemoryStorage(), ...changes } } }), play, found }
}

function tellLog(level: (typeof LEVELS)[number]): Leak {
  const log = createLogRecorder()
  return tell(`log ${level}: bearerToken as plain`, (token) => log[level]({ token }, 'request'), { log })
}

async function deliverEvent({ createCase, deliver }: World): Promise<void> {
  const { inquiryId } = await createCase()
  await deliver(
    JSON.stringify(createInquiryEvent({ name: 'inquiry.approved', inquiryId, eventId: `evt_${CANARIES.phone}` })),
  )
}

const DESCRIPTION = { problem: `It broke for ${CANARIES.name}.`, fix: 'Mend it.' }

const LEAKS: Readonly<Record<string, () => Leak>> = {
  ...Object.fromEntries(LEVELS.map((level) => [`a token, logged at level ${level}`, () => tellLog(level)])),
  'a token on the console': () => tell('console: bearerToken as plain', (token) => console.info({ token })),
  'a token in standard output': () => tell('stdout: bearerToken as plain', (token) => process.stdout.write(token)),
  'a token in standard error': () =>
    tell('stderr: bearerToken as plain', (token) => process.stderr.write(`${token}\n`)),
  'a name in an error': () =>
    withStorage('errors: name as plain', {
      getCase: () => Promise.reject(new StorageError('storage_failed', DESCRIPTION)),
    }),
  'a name in the log of an error': () =>
    withStorage('log error: name as plain', {
      getCase: () => Promise.reject(new KycError('storage_failed', DESCRIPTION)),
    }),
  'a name in an answer': () => {
    const storage = createMemoryStorage()
    const getCase: KycStorage['getCase'] = async (caseId) => {
      const found = await storage.getCase(caseId)
      return found && { ...found, documentType: CANARIES.name }
    }
    return withStorage('answer 1 (200): name as plain', { ...storage, getCase }, async ({ ask, createCase }) => {
      const { caseId } = await createCase()
      await ask('GET', `/compliance/kyc/${caseId}`)
    })
  },
  'a name in clear in the storage': () =>
    withStorage('storage: name as plain', {}, ({ ask }) =>
      ask('POST', '/compliance/kyc', { body: { user_id: 'somebody', document_type: CANARIES.name } }),
    ),
  'an e-mail address in the audit trail': () => ({
    options: () => ({ handler: { authorize: () => ({ principal: CANARIES.accountEmail }) } }),
    play: askForCase,
    found: 'audit: accountEmail as plain',
  }),
  'a number in the feed': () => withStorage('feed: phone as plain', {}, deliverEvent),
  'a number in the events of a case': () => withStorage('events: phone as plain', {}, deliverEvent),
}

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))('a leak behind %s', (_, adapter) => {
  it.each(Object.entries(LEAKS))('is found: %s', async (__, toLeak) => {
    const { found, options, play } = toLeak()
    await withWorld(adapter, options(), async (world) => {
      await play(world)
      expect(await world.findLeaks()).toContain(found)
    })
  })
})
