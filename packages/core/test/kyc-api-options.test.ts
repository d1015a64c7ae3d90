import { describe, expect, it } from 'vitest'
import { createKycApi, type KycApiOptions } from '../src/kyc-api.js'
import { expectNoCanary } from './canaries.js'

const HOST = 'https://kyc.example'

function toThrown(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('createKycApi', () => {
  it.each<[string, Partial<Record<keyof KycApiOptions, unknown>>]>([
    ['no URL', { baseUrl: undefined }],
    ['an empty URL', { baseUrl: '' }],
    ['a path', { baseUrl: '/planted' }],
    ['a URL without a scheme', { baseUrl: 'planted.example' }],
    ['a URL of another scheme', { baseUrl: 'ftp://planted.example' }],
    ['a URL with a query', { baseUrl: `${HOST}?token=planted` }],
    ['a URL with a fragment', { baseUrl: `${HOST}#planted` }],
    ['a URL with a password', { baseUrl: 'https://user:planted@kyc.example' }],
    ['a URL with a user', { baseUrl: 'https://planted@kyc.example' }],
    ['a URL with a space', { baseUrl: `${HOST}/planted b` }],
    ['a URL with a backslash', { baseUrl: `${HOST}\\planted` }],
    ['a URL without a host', { baseUrl: 'https:///' }],
    ['a URL with a port that is none', { baseUrl: `${HOST}:99999` }],
    ['a URL object', { baseUrl: new URL(`${HOST}/planted`) }],
    ['http', { baseUrl: 'http://planted.example' }],
    ['http to an address', { baseUrl: 'http://10.0.0.1/planted' }],
    ['http to what looks like a loopback', { baseUrl: 'http://127.0.0.1.planted.example' }],
    ['http to what looks like localhost', { baseUrl: 'http://localhost.planted.example' }],
    ['http to a name below localhost', { baseUrl: 'http://planted.localhost' }],
    ['http to every address', { baseUrl: 'http://0.0.0.0/planted' }],
    ['an empty token', { token: '' }],
    ['a token with a space', { token: 'planted token' }],
    ['a token with a line break', { token: 'planted\r\nx: y' }],
    ['a token that is no ASCII', { token: 'plantéd' }],
    ['a token that is no text', { token: { planted: true } }],
    ['null for a token', { token: null }],
    ['timeoutMs of 0', { timeoutMs: 0 }],
    ['timeoutMs that is a fraction', { timeoutMs: 0.5 }],
    ['timeoutMs beyond a timer', { timeoutMs: 2 ** 31 }],
    ['timeoutMs that is no number', { timeoutMs: Number.NaN }],
    ['retries below 0', { retries: -1 }],
    ['retries without end', { retries: Number.POSITIVE_INFINITY }],
    ['maxRetryWaitMs below 0', { maxRetryWaitMs: -1 }],
    ['maxAnswerBytes of 0', { maxAnswerBytes: 0 }],
    ['maxAnswerBytes without end', { maxAnswerBytes: Number.POSITIVE_INFINITY }],
  ])('refuses %s, without showing it', (_, change) => {
    const thrown = toThrown(() => createKycApi({ baseUrl: HOST, ...change } as KycApiOptions))
    expect(thrown).toMatchObject({ name: 'ConfigurationError', code: 'configuration_invalid' })
    expectNoCanary(thrown, 'planted', 'plantéd')
  })

  it.each([
    'http://localhost:8000',
    'http://LOCALHOST',
    'http://127.0.0.1:8000/api/',
    'http://127.1',
    'http://[::1]:8000',
  ])('takes http to this machine: %s', (baseUrl) => {
    expect(toThrown(() => createKycApi({ baseUrl, token: 'token' }))).toBeUndefined()
  })

  it('takes other http only where that is allowed', () => {
    const baseUrl = 'http://kyc.internal:8000'
    expect(toThrown(() => createKycApi({ baseUrl, allowInsecureHttp: true }))).toBeUndefined()
    expect(toThrown(() => createKycApi({ baseUrl, allowInsecureHttp: false }))).toMatchObject({
      message: expect.stringContaining('allowInsecureHttp'),
    })
  })

  it.each([HOST, `${HOST}/`, `${HOST}//`, `${HOST}/api`, `${HOST}/api/`, 'HTTPS://KYC.example'])(
    'finds the routes below %s',
    async (baseUrl) => {
      const asked: string[] = []
      const fetch: typeof globalThis.fetch = async (input) => {
        asked.push(new URL(String(input)).pathname)
        return Response.json({ status: 'ok' })
      }
      await createKycApi({ baseUrl, fetch }).health()
      expect(asked).toEqual([`${baseUrl.includes('/api') ? '/api' : ''}/webhooks/persona/health`])
    },
  )

  it('takes what is undefined for the default', () => {
    const names = ['token', 'credentials', 'allowInsecureHttp', 'timeoutMs', 'retries', 'maxRetryWaitMs']
    const others = ['maxAnswerBytes', 'fetch', 'random', 'now', 'sleep']
    const given = Object.fromEntries([...names, ...others].map((name) => [name, undefined]))
    expect(toThrown(() => createKycApi({ baseUrl: HOST, ...given }))).toBeUndefined()
  })
})
