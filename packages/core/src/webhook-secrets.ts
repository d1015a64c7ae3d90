import { ConfigurationError, isKycError, KycError } from './errors.js'
import { type HmacKey, importHmacKey } from './hmac.js'
import { type Logger, toLogFields } from './logger.js'

/** One webhook's secrets (`wbhsec_…`), whole as Persona shows them; several during rotation. */
type SecretList = string | readonly string[]

/**
 * A webhook's secrets, or a function that tells them: from a file or a secrets manager, so that a rotation needs no
 * restart. What it told last is kept while it fails.
 */
export type WebhookSecrets = SecretList | (() => SecretList | Promise<SecretList>)

/** The keys of the secrets that count at the moment. */
export interface KeyRing {
  /**
   * Returns one key or more, or a promise of them, which rejects with KycError `secrets_unavailable` where a function
   * never told any.
   */
  current(): readonly HmacKey[] | Promise<readonly HmacKey[]>
  /**
   * Resolves with other keys than those that were used, asking for them unless that was just done; null where there are
   * none. Null instead of a function where the secrets never change.
   */
  readonly renew: ((used: readonly HmacKey[]) => Promise<readonly HmacKey[] | null>) | null
}

/** What a ring of keys works with. */
export interface KeyRingOptions {
  /** From this age on, in milliseconds, an answer is asked for again. */
  readonly maxAgeMs: number
  /** The clock, in milliseconds. */
  readonly now: () => number
  readonly logger: Pick<Logger, 'error'>
}

/** Nobody who sends forged webhooks makes us ask more often than that. Persona's first retry comes after 3 seconds. */
const MIN_ASK_MS = 2000
/** Persona waits five seconds for the answer to a webhook. */
const MAX_ANSWER_MS = 3000

/**
 * Returns the keys of these secrets, each imported once. A function is called at once, and what it tells without a
 * promise is checked at once.
 *
 * @throws ConfigurationError when there is no secret or an empty one, or the function throws.
 */
export function createKeyRing(secrets: WebhookSecrets, options: KeyRingOptions): KeyRing {
  return typeof secrets === 'function' ? createAskingRing(secrets, options) : createFixedRing(requireSecrets(secrets))
}

/** Returns the secrets without repetitions. Throws ConfigurationError when there is none, or an empty one. */
export function requireSecrets(secrets: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(secrets) ? secrets : [secrets]
  if (list.length > 0 && list.every(isSecret)) return [...new Set(list)]
  throw new ConfigurationError({
    problem: 'A webhook secret is missing or empty.',
    fix: 'Copy the secret (wbhsec_…) of the webhook from the Persona dashboard.',
  })
}

function isSecret(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

function createFixedRing(secrets: readonly string[]): KeyRing {
  let keys: readonly HmacKey[] | Promise<readonly HmacKey[]> | undefined
  const importAll = async () => {
    keys = await Promise.all(secrets.map(importHmacKey))
    return keys
  }
  return {
    current() {
      keys ??= importAll()
      return keys
    },
    renew: null,
  }
}

interface ImportedKeys {
  readonly bySecret: ReadonlyMap<string, HmacKey>
  readonly keys: readonly HmacKey[]
}

function createAskingRing(ask: () => unknown, { maxAgeMs, now, logger }: KeyRingOptions): KeyRing {
  let first: Promise<unknown> | null = askAtStart(ask)
  let imported: ImportedKeys = { bySecret: new Map(), keys: [] }
  let askedAtMs = now()
  let toldAtMs = askedAtMs
  let underWay: Promise<void> | null = null

  const take = async (answer: Promise<unknown>, atMs: number) => {
    try {
      imported = await importAnew(requireSecrets(await withinTime(answer)), imported)
      toldAtMs = atMs
    } catch (error) {
      logger.error({ ...toLogFields(error), secretsInUse: imported.keys.length }, 'webhook secrets not renewed')
    }
  }
  const askAgain = async () => {
    await take(
      Promise.resolve().then(() => ask()),
      now(),
    )
    askedAtMs = now()
  }
  const refresh = () => {
    underWay ??= (first === null ? askAgain() : take(first, toldAtMs)).finally(() => {
      first = null
      underWay = null
    })
    return underWay
  }
  // A clock that was set back must not keep old secrets alive.
  const isOver = (sinceMs: number, ms: number) => now() < sinceMs || now() - sinceMs >= ms
  const isDue = () => isOver(askedAtMs, MIN_ASK_MS) && (imported.keys.length === 0 || isOver(toldAtMs, maxAgeMs))

  return {
    async current() {
      if (first !== null) await refresh()
      if (isDue()) await refresh()
      if (imported.keys.length === 0) throw unavailable('The secrets of the webhook are not known yet.')
      return imported.keys
    },
    async renew(used) {
      if (isOver(askedAtMs, MIN_ASK_MS)) await refresh()
      return imported.keys === used ? null : imported.keys
    },
  }
}

/** The function's first answer. What is told at once is checked at once; a promise is looked at when a webhook comes. */
function askAtStart(ask: () => unknown): Promise<unknown> {
  const answer = callAtStart(ask)
  if (!isPromise(answer)) return Promise.resolve(requireSecrets(answer))
  const promise = Promise.resolve(answer)
  promise.catch(() => {})
  return promise
}

function callAtStart(ask: () => unknown): unknown {
  try {
    return ask()
  } catch (error) {
    if (isKycError(error) && error.code === 'configuration_invalid') throw error
    throw new ConfigurationError({
      problem: 'The function that tells the webhook’s secrets throws.',
      fix: 'Have it return the secrets (wbhsec_…) of the webhook, as the Persona dashboard shows them.',
    })
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value
}

async function withinTime(answer: Promise<unknown>): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const problem = `The secrets of the webhook were not told within ${MAX_ANSWER_MS} ms.`
    timer = setTimeout(() => reject(unavailable(problem)), MAX_ANSWER_MS)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The same keys where the secrets are the same; else the keys of the new ones, with those that there were already. */
async function importAnew(secrets: readonly string[], known: ImportedKeys): Promise<ImportedKeys> {
  const { bySecret } = known
  if (secrets.length === bySecret.size && secrets.every((secret) => bySecret.has(secret))) return known
  const toEntry = async (secret: string) => [secret, bySecret.get(secret) ?? (await importHmacKey(secret))] as const
  const entries = await Promise.all(secrets.map(toEntry))
  return { bySecret: new Map(entries), keys: entries.map(([, key]) => key) }
}

function unavailable(problem: string): KycError {
  return new KycError('secrets_unavailable', {
    problem,
    fix: 'Look at what the function of the secrets calls. Persona delivers again.',
  })
}
