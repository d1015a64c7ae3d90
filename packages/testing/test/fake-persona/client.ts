import { createFakePersona, type FakePersona, type FakePersonaOptions } from '../../src/fake-persona/fake-persona.js'
import { createSeededRandom } from '../../src/seeded-random.js'

/** The parts of an answer that tests look at. */
export interface TestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    readonly data: TestResource
    readonly errors?: { readonly title: string; readonly details?: string; readonly source?: { pointer: string } }[]
    readonly meta: Record<string, string | null>
  }
}

interface TestResource {
  readonly id: string
  readonly type: string
  readonly attributes: Record<string, unknown>
  readonly relationships: Record<string, { data: unknown }>
}

export interface TestCall {
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** A fake on a clock that stands still until it is moved, with a client for it. */
export interface FakeWithClient {
  readonly fake: FakePersona
  advance(seconds: number): void
  now(): number
  call(method: string, path: string, call?: TestCall): Promise<TestAnswer>
  /** Creates an inquiry and returns its id. */
  create(call?: { meta?: object; attributes?: object }): Promise<string>
}

export const START_MS = Date.parse('2026-03-04T05:06:07.000Z')

export function createFakeWithClient(options: FakePersonaOptions = {}): FakeWithClient {
  let nowMs = START_MS
  const now = () => nowMs
  const fake = createFakePersona({ now, random: createSeededRandom(1), ...options })

  const call: FakeWithClient['call'] = async (method, path, { body, headers } = {}) => {
    const response = await fake.fetch(`${fake.baseUrl}${path}`, {
      method,
      headers: { Authorization: `Bearer ${fake.apiKey}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
  return {
    fake,
    now,
    call,
    advance(seconds) {
      nowMs += seconds * 1000
    },
    async create({ meta = {}, attributes = {} } = {}) {
      const body = toCreateBody(attributes, meta)
      return (await call('POST', '/inquiries', { body })).body.data.id
    },
  }
}

export function toCreateBody(attributes: object = {}, meta: object = {}) {
  return { data: { attributes: { 'inquiry-template-id': 'itmpl_1', ...attributes } }, meta }
}
