import { requireBaseUrl } from './base-url.js'
import { ConfigurationError } from './errors.js'
import { isToken, type KycApiSenderOptions } from './kyc-api-request.js'
import { requireNumber } from './number-option.js'
import { sleep } from './retries.js'

/** What {@link createKycApi} accepts. */
export interface KycApiOptions {
  /** Where the KYC routes are mounted: `https://kyc.example.com`, or with a base path. Always absolute. */
  readonly baseUrl: string
  /**
   * The bearer token, or what gives a fresh one: it is called before each attempt. Default: none, for routes whose
   * `authorize` reads a cookie.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined
  /** Whether a browser sends cookies. Default: the browser's, to the page's own origin only. Workers refuse it. */
  readonly credentials?: 'include' | 'omit' | 'same-origin' | undefined
  /** True takes a `baseUrl` of http that is not this machine's loopback. Default false. */
  readonly allowInsecureHttp?: boolean | undefined
  /** The longest that one attempt may take, its body and its token included, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** How often an attempt is repeated, where that is safe. Default 2. */
  readonly retries?: number | undefined
  /** The longest wait before a repetition, in milliseconds; where more is asked for, the call fails at once. Default 10,000. */
  readonly maxRetryWaitMs?: number | undefined
  /** The longest answer that is read, in bytes. Default 4 MiB. */
  readonly maxAnswerBytes?: number | undefined
  /** Default `globalThis.fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** Jitter, 0 to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
  /** The clock, in milliseconds, for a `Retry-After` that is a date. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Waits that many milliseconds. Default: a timer. */
  readonly sleep?: KycApiSenderOptions['sleep'] | undefined
}

/**
 * Fills in the defaults.
 *
 * @throws ConfigurationError when an option is missing or malformed, or a token would travel in clear.
 */
export function toSenderOptions(options: KycApiOptions): KycApiSenderOptions {
  const { baseUrl, token, credentials, allowInsecureHttp = false } = options
  if (token !== undefined && typeof token !== 'function' && !isToken(token)) {
    throw new ConfigurationError({
      problem: 'The token is empty, or holds a space or another character that no token has.',
      fix: 'Give a bearer token, or a function that resolves with one.',
    })
  }
  return {
    baseUrl: requireBaseUrl(baseUrl, { allowInsecureHttp }),
    token,
    credentials,
    timeoutMs: requireNumber('timeoutMs', options.timeoutMs ?? 10_000, 1),
    retries: requireNumber('retries', options.retries ?? 2, 0),
    maxRetryWaitMs: requireNumber('maxRetryWaitMs', options.maxRetryWaitMs ?? 10_000, 0),
    maxAnswerBytes: requireNumber('maxAnswerBytes', options.maxAnswerBytes ?? 4 * 1024 * 1024, 1),
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    random: options.random ?? Math.random,
    now: options.now ?? Date.now,
    sleep: options.sleep ?? sleep,
  }
}
