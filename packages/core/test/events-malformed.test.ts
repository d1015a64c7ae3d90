import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { EventError } from '../src/errors.js'
import { parseEvent } from '../src/events.js'
import { isJsonObject, type JsonObject, type JsonValue, toCamelKeys } from '../src/inflection.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { createEventBody, toBytes } from './event-bodies.js'

const encoder = new TextEncoder()
const CANARY = 'canary-9f31c7'

/** The example with one member replaced; undefined leaves it out. */
function replace(path: string, value: JsonValue | undefined): JsonObject {
  const body = createEventBody({ referenceId: CANARY, fields: { secret: CANARY } })
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  const parent = keys.reduce<JsonValue>((at, key) => (isJsonObject(at) ? (at[key] ?? null) : null), body)
  if (!isJsonObject(parent)) throw new Error(`The example has no ${path}.`)
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return body
}

async function expectEventError(bytes: Uint8Array): Promise<void> {
  const error = await toRejection(parseEvent(bytes))
  expect(error).toBeInstanceOf(EventError)
  expect(error).toMatchObject({ code: 'event_malformed' })
  expectNoCanary(error, CANARY)
}

describe('a body that is no event', () => {
  it.each([
    ['empty', ''],
    ['no JSON', `{"data": ${CANARY}`],
    ['cut off', JSON.stringify(createEventBody({ referenceId: CANARY })).slice(0, -1)],
    ['a string', `"${CANARY}"`],
    ['null', 'null'],
    ['a number', '42'],
    ['an array', `["${CANARY}"]`],
    ['an empty object', '{}'],
    ['without data', `{"type":"inquiry.completed","x":"${CANARY}"}`],
    ['with data that is null', '{"data":null}'],
    ['with data that is a list', `{"data":["${CANARY}"]}`],
    ['a short form without a name', `{"data":{"id":"${CANARY}"}}`],
    ['a short form without an id', `{"type":"inquiry.completed","data":{"x":"${CANARY}"}}`],
    ['a short form with an empty id', '{"type":"inquiry.completed","data":{"id":""}}'],
    ['form fields', `data=${CANARY}`],
  ])('is an EventError: %s', (_name, text) => expectEventError(encoder.encode(text)))

  it.each<[string, JsonValue | undefined]>([
    ['data.id', undefined],
    ['data.id', ''],
    ['data.id', 7],
    ['data.id', `${CANARY}\0`],
    ['data.id', CANARY.repeat(20)],
    ['data.attributes', undefined],
    ['data.attributes', [CANARY]],
    ['data.attributes.name', undefined],
    ['data.attributes.name', { CANARY }],
    ['data.attributes.name', `\0${CANARY}`],
    ['data.attributes.created-at', undefined],
    ['data.attributes.created-at', null],
    ['data.attributes.created-at', 1_767_323_045],
    ['data.attributes.created-at', CANARY],
    ['data.attributes.created-at', '2026-01-02'],
    ['data.attributes.created-at', '2026-02-30T00:00:00Z'],
    ['data.attributes.created-at', '2026-01-02T25:00:00Z'],
    ['data.attributes.created-at', '2026-01-02T03:04:05'],
    ['data.attributes.created-at', '0000-12-31T23:59:59Z'],
    ['data.attributes.created-at', '9999-12-31T23:59:59-10:00'],
    ['data.attributes.payload', undefined],
    ['data.attributes.payload', CANARY],
    ['data.attributes.payload.data', null],
    ['data.attributes.payload.data', [{ id: CANARY }]],
    ['data.attributes.payload.data.type', undefined],
    ['data.attributes.payload.data.id', undefined],
    ['data.attributes.payload.data.id', [CANARY]],
    ['data.attributes.payload.data.id', `inq_\0${CANARY}`],
    ['data.attributes.payload.data.attributes', CANARY],
    ['data.attributes.payload.data.attributes', [CANARY]],
  ])('is an EventError: %s is %j', (path, value) => expectEventError(toBytes(replace(path, value))))

  it('is an EventError when it is no UTF-8', async () => {
    const bytes = toBytes(createEventBody({ referenceId: `${CANARY}X` }))
    const index = Buffer.from(bytes).indexOf(`${CANARY}X`) + CANARY.length
    for (const invalid of [0x80, 0xc0, 0xff, 0xed]) {
      bytes[index] = invalid
      await expectEventError(bytes)
    }
    await expectEventError(new Uint8Array(Buffer.from(JSON.stringify(createEventBody()), 'utf16le')))
  })
})

describe('a body with something odd in it', () => {
  it.each<[string, JsonValue | undefined]>([
    ['data.attributes.payload.data.attributes', undefined],
    ['data.attributes.payload.data.relationships', undefined],
    ['data.attributes.payload.data.relationships', null],
    ['data.attributes.payload.data.relationships', 'x'],
    ['data.attributes.payload.data.relationships.inquiry-template', [1]],
    ['data.attributes.payload.included', undefined],
    ['data.attributes.context', null],
    ['data.attributes.payload.data.attributes.status', 5],
    ['data.attributes.payload.data.attributes.reference-id', { a: 1 }],
    ['data.attributes.payload.data.attributes.reference-id', 'a\0b'],
  ])('is read: %s is %j', async (path, value) => {
    const event = await parseEvent(toBytes(replace(path, value)))
    expect(event).toMatchObject({ id: 'evt_1', inquiry: { id: 'inq_1', status: 'approved' } })
    expect(event.inquiry?.referenceId ?? '').not.toContain('\0')
  })

  it('is read with a byte order mark', async () => {
    const bytes = new Uint8Array([0xef, 0xbb, 0xbf, ...toBytes(createEventBody())])
    expect(await parseEvent(bytes)).toMatchObject({ id: 'evt_1' })
  })

  it('is read though it is nested 100,000 levels deep', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const text = JSON.stringify(createEventBody({ fields: { deep: 'HERE' } })).replace('"HERE"', deep)
    const event = await parseEvent(encoder.encode(text))
    expect(event.id).toBe('evt_1')
    expect(() => toCamelKeys(event.body)).not.toThrow()
  })

  it('is an EventError or an event when its shape is deep where an object should be', async () => {
    await expectEventError(encoder.encode('['.repeat(1_000_000)))
    await expectEventError(encoder.encode(`${'{"data":'.repeat(200_000)}1${'}'.repeat(200_000)}`))
  })

  it('pollutes nothing with keys named __proto__ or constructor', async () => {
    const evil = '"__proto__":{"polluted":true,"attributes":{"status":"declined"}},"constructor":{"prototype":{"x":1}},'
    const text = JSON.stringify(createEventBody()).replaceAll('"type":', `${evil}"type":`)
    const event = await parseEvent(encoder.encode(text))
    expect(event.inquiry).toMatchObject({ id: 'inq_1', status: 'approved' })
    expect(Object.getPrototypeOf(event.inquiry)).toBe(Object.prototype)
    expect('polluted' in {}).toBe(false)
    expect(Object.getPrototypeOf(toCamelKeys(event.body))).toBe(Object.prototype)
  })

  it('does not take attributes from a key named __proto__', async () => {
    const body = replace('data.attributes.payload.data.attributes', undefined)
    const text = JSON.stringify(body).replace(
      '"type":"inquiry"',
      '"__proto__":{"attributes":{"status":"declined"}},"type":"inquiry"',
    )
    expect((await parseEvent(encoder.encode(text))).inquiry?.status).toBe('approved')
  })
})

describe('any JSON', () => {
  const isEventOrError = async (text: string) => {
    const outcome = await parseEvent(encoder.encode(text)).catch((error: unknown) => error)
    if (!(outcome instanceof EventError)) expect(outcome).toMatchObject({ id: expect.any(String) })
  }

  it('is an event or an EventError, never another exception', async () => {
    await fc.assert(fc.asyncProperty(fc.json(), isEventOrError), { numRuns: 1000 })
  })

  it('is an event or an EventError also in the place of any member', async () => {
    const paths = fc.constantFrom(
      'data',
      'data.id',
      'data.type',
      'data.attributes',
      'data.attributes.name',
      'data.attributes.created-at',
      'data.attributes.payload',
      'data.attributes.payload.data',
      'data.attributes.payload.data.attributes',
      'data.attributes.payload.data.attributes.status',
      'data.attributes.payload.data.relationships',
      'data.attributes.payload.data.relationships.inquiry-template',
    )
    const property = fc.asyncProperty(paths, fc.jsonValue(), (path, value) =>
      isEventOrError(JSON.stringify(replace(path, value as JsonValue))),
    )
    await fc.assert(property, { numRuns: 2000 })
  })

  it('has a real date when it is an event', async () => {
    const number = fc.integer({ min: 0, max: 99 }).map((value) => String(value).padStart(2, '0'))
    const createdAt = fc
      .tuple(
        fc.integer({ min: 0, max: 9999 }),
        number,
        number,
        number,
        number,
        number,
        fc.constantFrom('Z', '+23:59', '-00:00'),
      )
      .map(([y, m, d, h, i, s, zone]) => `${String(y).padStart(4, '0')}-${m}-${d}T${h}:${i}:${s}${zone}`)
    const property = fc.asyncProperty(createdAt, async (text) => {
      const event = await parseEvent(toBytes(createEventBody({ createdAt: text }))).catch(() => null)
      if (event !== null) expect(event.createdAt?.getTime()).not.toBeNaN()
    })
    await fc.assert(property, { numRuns: 1000 })
  })
})

it('takes those times that an RFC 3339 schema takes, of the years 1 to 9999', async () => {
  const schema = z.iso.datetime({ offset: true })
  const two = (max: number) => fc.integer({ min: 0, max }).map((number) => String(number).padStart(2, '0'))
  const year = fc.oneof(
    fc.constantFrom('1900', '2000', '2023', '2024', '2100', '9998'),
    fc.integer({ min: 1000, max: 9998 }),
  )
  const parts = fc.tuple(year, two(13), two(32), two(25), two(61), two(61))
  const zone = fc.constantFrom('Z', 'z', '', '+00:00', '-12:30', '+24:00', '+05', '.5Z', '.123456Z', '.Z')
  await fc.assert(
    fc.asyncProperty(parts, zone, async ([years, month, day, hours, minutes, seconds], end) => {
      const text = `${years}-${month}-${day}T${hours}:${minutes}:${seconds}${end}`
      const bytes = toBytes(replace('data.attributes.created-at', text))
      const isTaken = await parseEvent(bytes).then(
        ({ createdAt }) => createdAt !== null,
        () => false,
      )
      expect(isTaken, text).toBe(schema.safeParse(text).success)
    }),
    {
      numRuns: 3000,
      examples: [
        [['2024', '02', '29', '00', '00', '00'], 'Z'],
        [['2100', '02', '29', '00', '00', '00'], 'Z'],
      ],
    },
  )
})
