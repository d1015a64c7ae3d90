import type { Authorize } from './authorize.js'
import type { KycEngine } from './engine.js'
import { ConfigurationError } from './errors.js'
import { createIpMatcher, type IpMatcher } from './ip-range.js'
import { type Logger, toSafeLogger } from './logger.js'
import { createPeerReader } from './peer.js'
import { createRequestLimits, type RequestLimitOptions, type RequestLimits } from './request-limits.js'

/** What `createKycHandler`, and with it each adapter, accepts. */
export interface KycHandlerOptions {
  readonly engine: KycEngine
  /** Decides who may do what. Required: there is no open default. */
  readonly authorize: Authorize
  /** The path that the routes are mounted under, such as `/api`. Default: none. */
  readonly basePath?: string | undefined
  /** The largest webhook, in bytes. Default 1 MiB. */
  readonly maxWebhookBytes?: number | undefined
  /** The largest body of any other route, in bytes. Default 64 KiB. */
  readonly maxBodyBytes?: number | undefined
  /** The longest that reading a body may take, in milliseconds. Default 10,000. */
  readonly bodyTimeoutMs?: number | undefined
  /** The longest URL, in characters. Default 4,096. */
  readonly maxUrlLength?: number | undefined
  /** The most that the names and values of all headers may have, in characters. Default 16,384, as Node's. */
  readonly maxHeaderLength?: number | undefined
  /**
   * Whether a request is refused that did not come by HTTPS, directly or by the word of a trusted proxy. Default: where
   * the engine's Persona client is of production.
   */
  readonly requireHttps?: boolean | undefined
  /**
   * The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count: addresses, CIDR ranges, `loopback`, `private`.
   * Default: none.
   */
  readonly trustedProxies?: readonly string[] | undefined
  /** The addresses that may send webhooks, written as those of proxies. Default: all, for the signature decides. */
  readonly webhookAddresses?: readonly string[] | undefined
  /** How often who may call what. By default counted in this process. */
  readonly rateLimits?: RequestLimitOptions | undefined
  /**
   * Whether `GET /compliance/docs` shows the description as a page: to those whom `authorize` lets read it (`openapi:read`),
   * or to everybody. Default: there is no such route.
   */
  readonly docs?: 'authorized' | 'public' | undefined
  /** Default: the engine's. */
  readonly logger?: Logger | undefined
}

/** What the routes work with, made of checked options. */
export interface HandlerContext {
  readonly engine: KycEngine
  readonly authorize: Authorize
  readonly logger: Logger
  readonly basePath: string
  readonly maxWebhookBytes: number
  readonly maxBodyBytes: number
  readonly bodyTimeoutMs: number
  readonly maxUrlLength: number
  readonly maxHeaderLength: number
  readonly requireHttps: boolean
  readonly readPeer: ReturnType<typeof createPeerReader>
  /** Null where every address may send webhooks. */
  readonly isWebhookAddress: IpMatcher | null
  readonly limits: RequestLimits
}

const LIMITS = {
  maxWebhookBytes: 1024 * 1024,
  maxBodyBytes: 64 * 1024,
  bodyTimeoutMs: 10_000,
  maxUrlLength: 4096,
  maxHeaderLength: 16_384,
} as const

/** Checks the options and fills in the defaults. Throws ConfigurationError. */
export function toHandlerContext(options: KycHandlerOptions): HandlerContext {
  const { engine, authorize, basePath = '', webhookAddresses } = options
  requireAuthorize(authorize)
  requireBasePath(basePath)
  const logger = toSafeLogger(options.logger ?? engine.logger)
  return {
    engine,
    authorize,
    logger,
    basePath,
    ...readLimits(options),
    requireHttps: options.requireHttps ?? engine.environment === 'production',
    readPeer: createPeerReader(options.trustedProxies ?? []),
    isWebhookAddress: webhookAddresses === undefined ? null : createIpMatcher(webhookAddresses),
    limits: createRequestLimits(options.rateLimits ?? {}, logger),
  }
}

function readLimits(options: KycHandlerOptions): Record<keyof typeof LIMITS, number> {
  const limits = { ...LIMITS } as Record<keyof typeof LIMITS, number>
  for (const name of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
    limits[name] = requireLimit(name, options[name] ?? LIMITS[name])
  }
  return limits
}

function requireAuthorize(authorize: unknown): void {
  if (typeof authorize === 'function') return
  throw new ConfigurationError({
    problem: 'authorize is missing: nobody would be kept from the compliance routes.',
    fix: 'Pass a function, for example createBearerAuthorize({ tokens }).',
  })
}

function requireBasePath(basePath: string): void {
  if (basePath === '' || /^(\/[A-Za-z0-9._~-]+)+$/.test(basePath)) return
  throw new ConfigurationError({
    problem: 'basePath is no path.',
    fix: 'Write it like /api: a slash first, none at the end.',
  })
}

/** Nothing exceeds NaN: a limit that is none would let everything in. */
function requireLimit(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0 && value < 2 ** 31) return value
  throw new ConfigurationError({
    problem: `${name} is not a whole number above 0.`,
    fix: 'Leave it out for the default.',
  })
}
