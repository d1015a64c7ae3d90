import { describe, expect, it } from 'vitest'
import { ConfigurationError, EventError, KycError, SignatureError, StorageError } from '../src/errors.js'
import { PersonaApiError } from '../src/persona-error.js'

const DESCRIPTION = { problem: 'It broke.', fix: 'Mend it.' }

describe.each<[string, KycError, string]>([
  ['KycError', new KycError('case_not_found', DESCRIPTION), 'case_not_found'],
  ['ConfigurationError', new ConfigurationError(DESCRIPTION), 'configuration_invalid'],
  ['SignatureError', new SignatureError('stale'), 'signature_invalid'],
  ['EventError', new EventError('It is no event.'), 'event_malformed'],
  ['StorageError', new StorageError('storage_unavailable', DESCRIPTION), 'storage_unavailable'],
  ['PersonaApiError', new PersonaApiError('persona_timeout'), 'persona_timeout'],
])('%s', (name, error, code) => {
  it('is an Error and a KycError with its name and its code', () => {
    expect(error).toBeInstanceOf(Error)
    expect(error).toBeInstanceOf(KycError)
    expect([error.name, error.code]).toEqual([name, code])
    expect(String(error)).toBe(`${name}: ${error.message}`)
  })

  it('says what happened and how to mend it', () => {
    expect(error.message).toMatch(/^[A-Z].+[.] [A-Z].+[.]$/)
  })

  it('has a cause only where there is one', () => {
    expect('cause' in error).toBe(false)
  })
})

describe('a cause', () => {
  it('is kept', () => {
    const cause = new Error('underneath')
    expect(new StorageError('storage_failed', { ...DESCRIPTION, cause }).cause).toBe(cause)
  })
})

describe('the reason of a refused signature', () => {
  it.each(['missing', 'malformed', 'stale', 'future', 'mismatch'] as const)(
    '%s is on the error, with its own fix',
    (reason) => {
      const error = new SignatureError(reason)
      expect(error.reason).toBe(reason)
      expect(error.message).toContain(reason)
    },
  )
})
