import { describe, expect, it, vi } from 'vitest'
import { EventError, KycError, SignatureError, StorageError } from '../src/errors.js'
import { consoleLogger, toLogFields, toSafeLogger } from '../src/logger.js'
import { PersonaApiError } from '../src/persona-error.js'
import { expectNoCanary } from './canaries.js'

const CANARY = 'canary-9f31c7'

describe('toLogFields', () => {
  it('gives the code and the message of an error of ours', () => {
    expect(toLogFields(new EventError('The event has no usable value at data.id.'))).toMatchObject({
      error: 'EventError',
      code: 'event_malformed',
      detail: expect.stringMatching(/^The event has no usable value at data.id\. Compare/),
    })
    expect(toLogFields(new SignatureError('stale'))).toMatchObject({ code: 'signature_invalid' })
  })

  it('gives the status and the request id of an error of Persona’s', () => {
    const error = new PersonaApiError('persona_conflict', { status: 409, requestId: 'req_1', titles: [CANARY] })
    expect(toLogFields(error)).toMatchObject({ code: 'persona_conflict', status: 409, requestId: 'req_1' })
    expectNoCanary(toLogFields(error), CANARY)
  })

  it('gives no more than the name of any other error', () => {
    expect(toLogFields(new TypeError(CANARY))).toEqual({ error: 'TypeError' })
    expect(toLogFields(Object.assign(new Error(CANARY), { code: CANARY, status: CANARY }))).toEqual({ error: 'Error' })
  })

  it('does not follow the cause', () => {
    const cause = new Error(CANARY)
    const storage = new StorageError('storage_failed', { problem: 'It failed.', fix: 'Mend it.', cause })
    expectNoCanary(toLogFields(storage), CANARY)
    expectNoCanary(toLogFields(new KycError('argument_invalid', { problem: 'No.', fix: 'Yes.', cause })), CANARY)
  })

  it.each([[CANARY], [{ CANARY }], [null], [undefined], [42]])(
    'gives only the type of what is no error: %j',
    (thrown) => {
      expect(toLogFields(thrown)).toEqual({ error: typeof thrown })
    },
  )
})

describe('the console logger', () => {
  it('shows warnings and errors, and nothing else', () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const error = vi.spyOn(console, 'error').mockReturnValue()
    for (const level of ['debug', 'info', 'warn', 'error'] as const) consoleLogger[level]({ a: 1 }, level)
    expect([warn.mock.calls, error.mock.calls]).toEqual([[['warn', '{"a":1}']], [['error', '{"a":1}']]])
    vi.restoreAllMocks()
  })
})

describe('a logger that throws', () => {
  it('is not heard of again', () => {
    const fail = () => {
      throw new Error('disk full')
    }
    const logger = toSafeLogger({ debug: fail, info: fail, warn: fail, error: fail })
    expect(() => logger.info({}, 'anything')).not.toThrow()
  })
})
