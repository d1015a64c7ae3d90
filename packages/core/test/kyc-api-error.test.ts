import { describe, expect, expectTypeOf, it } from 'vitest'
import { isKycError, KycError } from '../src/errors.js'
import { isKycApiError, KycApiError, type KycApiErrorCode, type KycApiFailureReason } from '../src/kyc-api-error.js'

const REASONS: Record<KycApiFailureReason, KycApiErrorCode> = {
  network: 'kyc_api_unreachable',
  timeout: 'kyc_api_unreachable',
  aborted: 'kyc_api_unreachable',
  failing: 'kyc_api_unreachable',
  redirected: 'kyc_api_unreachable',
  unreadable: 'kyc_api_unreachable',
  refused: 'kyc_api_refused',
  unexpected: 'kyc_api_refused',
  token: 'kyc_api_refused',
}

describe('KycApiError', () => {
  it.each(Object.entries(REASONS))('for the reason %s has the code %s', (reason, code) => {
    const error = new KycApiError(reason as KycApiFailureReason)
    expect(error).toBeInstanceOf(KycError)
    expect(isKycError(error)).toBe(true)
    expect(error).toMatchObject({ name: 'KycApiError', code, reason })
    expect(error).toMatchObject({ status: null, problemCode: null, retryAfterSeconds: null })
    expect('cause' in error).toBe(false)
    expect(error.message).toMatch(/^[A-Z].+[.] [A-Z].+[.]$/)
  })

  it('says status and code of the server', () => {
    const error = new KycApiError('refused', { status: 409, problemCode: 'claim_conflict' })
    expect(error.message).toContain('(409 claim_conflict).')
    expect(new KycApiError('failing', { status: 502 }).message).toContain('(502).')
  })
})

describe('isKycApiError', () => {
  const error: unknown = new KycApiError('refused', { status: 409, problemCode: 'claim_conflict' })

  it('looks for any of the codes, the error’s own and the server’s', () => {
    for (const codes of [[], ['claim_conflict'], ['kyc_api_refused'], ['case_erased', 'claim_conflict']]) {
      expect(isKycApiError(error, ...codes)).toBe(true)
    }
    for (const codes of [['case_erased'], ['kyc_api_unreachable', 'forbidden'], ['']]) {
      expect(isKycApiError(error, ...codes)).toBe(false)
    }
  })

  it('is false for other errors', () => {
    const others = [new KycError('kyc_api_refused', { problem: 'It.', fix: 'Mend.' }), new Error('claim_conflict')]
    for (const other of [
      ...others,
      null,
      undefined,
      'claim_conflict',
      { name: 'KycApiError', code: 'kyc_api_refused' },
    ]) {
      expect(isKycApiError(other)).toBe(false)
    }
  })

  it('narrows the type', () => {
    if (isKycApiError(error)) expectTypeOf(error).toEqualTypeOf<KycApiError>()
  })
})
