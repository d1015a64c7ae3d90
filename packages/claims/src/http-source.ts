import { type ClaimReference, ConfigurationError, KycError, sleep, sleepUntilAborted } from '@persona-kyc/core'
import * as z from 'zod'
import type { ClaimableCase, ClaimChange, ClaimSource } from './claim-source.js'

/** What {@link createHttpSource} accepts. */
export interface HttpSourceOptions {
  /** Where the KYC routes are mounted: `https://kyc.example.com`, or with a base path. */
  readonly baseUrl: string
  /** A bearer token that may read verified cases and write claims: 16 or more characters of ASCII, without a space. */
  readonly token: string
  /** How often to ask for changes, in milliseconds. Default 5,000. */
  readonly pollMs?: number | undefined
  /**
   * How often to ask for each case that has a claim whether it is still verified, in milliseconds: a case whose reference was
   * removed is in neither list. Default 3,600,000.
   */
  readonly recheckMs?: number | undefined
  /** How long one request may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined
  /** Default: a timer. */
  readonly sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined
  /** Called when a list of cases cannot be had or told of; it is asked for again after `pollMs`. */
  readonly onError?: ((error: unknown) => void) | undefined
}

const caseAnswer = z.object({
  case_id: z.string(),
  user_id: z.string(),
  status: z.string(),
  revision: z.number(),
  verified_at: z.iso.datetime().nullable(),
  erased_at: z.iso.datetime().nullable(),
  kyc_claim_id: z.string().nullable(),
  kyc_claim_tx_hash: z.string().nullable(),
})
const listAnswer = z.object({ cases: z.array(caseAnswer), next_after: z.string().nullable() })
const problemAnswer = z.object({ code: z.string() })

const CLEAR_OUTCOMES = { claim_conflict: 'conflict' } as const
const STORE_OUTCOMES = { ...CLEAR_OUTCOMES, case_not_verified: 'not_verified' } as const

type CaseAnswer = z.infer<typeof caseAnswer>
interface Answer {
  readonly status: number
  readonly json: unknown
}

/** Verified cases that lack a claim, and those that have one and are no longer verified. */
const LISTS = ['status=verified&claim=missing', 'claim=stale']
/** How many cases it remembers to have told of: the rest is told again, which does no harm. */
const MAX_REMEMBERED = 100_000

/**
 * Returns the source that asks a KYC service over HTTP, again and again: for verified cases without a claim, and for
 * cases with one that are no longer verified.
 *
 * @throws ConfigurationError when the URL or the token cannot be used.
 */
export function createHttpSource(options: HttpSourceOptions): ClaimSource {
  const call = createCaller(options)
  const { pollMs = 5000, recheckMs = 3_600_000 } = options
  requireMs('pollMs', pollMs)
  requireMs('recheckMs', recheckMs)
  const told = new Map<string, number>()

  const tell = async (cases: readonly CaseAnswer[], onChange: (change: ClaimChange) => Promise<void>) => {
    for (const { case_id: caseId, revision, status } of cases) {
      if (told.get(caseId) === revision) continue
      await onChange({ caseId, revision, isVerified: status === 'verified' })
      if (told.size >= MAX_REMEMBERED) told.clear()
      told.set(caseId, revision)
    }
  }
  const walk = async (list: string, onChange: (change: ClaimChange) => Promise<void>, signal: AbortSignal) => {
    for (let next: string | null = ''; next !== null && !signal.aborted; ) {
      const place: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`
      const page = expect(await call('GET', `?${list}&limit=200${place}`), listAnswer)
      await tell(page.cases, onChange)
      next = page.next_after
    }
  }
  const report = async (error: unknown) => options.onError?.(error)

  return {
    recheckMs,
    async follow(onChange, { signal }) {
      while (!signal.aborted) {
        // What is wrong with one list must not keep the other waiting, nor a report that fails both.
        for (const list of LISTS)
          await walk(list, onChange, signal)
            .catch(report)
            .catch(() => {})
        await sleepUntilAborted(options.sleep ?? sleep, pollMs, signal)
      }
    },
    async readCase(caseId) {
      const answer = await call('GET', `/${encodeURIComponent(caseId)}`)
      return toCode(answer) === 'case_not_found' ? null : toClaimableCase(expectCase(answer, caseId))
    },
    async storeClaim(caseId, { kycClaimId, kycClaimTxHash }) {
      const body = { kyc_claim_id: kycClaimId, kyc_claim_tx_hash: kycClaimTxHash }
      const answer = await call('PUT', `/${encodeURIComponent(caseId)}/claim`, body)
      if (answer.status !== 200) return toOutcome(answer, STORE_OUTCOMES)
      const { kyc_claim_id: id, kyc_claim_tx_hash: hash } = expectCase(answer, caseId)
      if (id === kycClaimId && hash === kycClaimTxHash) return 'stored'
      throw refused(answer.status)
    },
    async clearClaim(caseId, { kycClaimId, kycClaimTxHash }) {
      const query = new URLSearchParams({ kyc_claim_id: kycClaimId, kyc_claim_tx_hash: kycClaimTxHash })
      const answer = await call('DELETE', `/${encodeURIComponent(caseId)}/claim?${query}`)
      if (answer.status !== 200) return toOutcome(answer, CLEAR_OUTCOMES)
      if (expectCase(answer, caseId).kyc_claim_id === null) return 'cleared'
      throw refused(answer.status)
    },
  }
}

type Caller = (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<Answer>

function createCaller({ baseUrl, token, timeoutMs = 10_000, ...options }: HttpSourceOptions): Caller {
  const root = `${requireUrl(baseUrl)}/compliance/kyc`
  const send = options.fetch ?? fetch
  requireMs('timeoutMs', timeoutMs)
  // What a header cannot hold would fail with each request.
  if (typeof token !== 'string' || !/^[!-~]{16,}$/.test(token)) {
    throw new ConfigurationError({
      problem: 'The token is too short, or holds a space or another character that no token has.',
      fix: 'Give the token that the KYC service knows as IDENTITY_SERVICE_TOKEN.',
    })
  }
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    try {
      const response = await send(`${root}${path}`, {
        method,
        headers,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return { status: response.status, json: await response.json() }
    } catch (error) {
      throw unreachable(error instanceof Error ? error.name : typeof error)
    }
  }
}

function expect<Schema extends z.ZodType>({ status, json }: Answer, schema: Schema): z.infer<Schema> {
  const parsed = status === 200 ? schema.safeParse(json) : null
  if (parsed?.success) return parsed.data
  throw status >= 500 || status === 429 ? unreachable(String(status)) : refused(status)
}

/** The answer, which must be that case: another one may come from whatever stands between. */
function expectCase(answer: Answer, caseId: string): CaseAnswer {
  const kycCase = expect(answer, caseAnswer)
  if (kycCase.case_id === caseId) return kycCase
  throw refused(answer.status)
}

function toOutcome<Outcome extends string>(
  answer: Answer,
  outcomes: Readonly<Record<string, Outcome>>,
): Outcome | 'not_found' {
  const code = toCode(answer)
  // Another 404 may mean that the base URL is wrong: nothing is to be concluded from that.
  if (code === 'case_not_found') return 'not_found'
  const outcome = Object.hasOwn(outcomes, code) ? outcomes[code] : undefined
  if (outcome !== undefined) return outcome
  throw answer.status >= 500 || answer.status === 429 ? unreachable(String(answer.status)) : refused(answer.status)
}

function toCode({ status, json }: Answer): string {
  return status === 200 ? '' : (problemAnswer.safeParse(json).data?.code ?? '')
}

function toClaimableCase(answer: CaseAnswer): ClaimableCase {
  const isVerified = answer.status === 'verified' && answer.erased_at === null && answer.verified_at !== null
  return {
    caseId: answer.case_id,
    userId: answer.user_id,
    revision: answer.revision,
    verifiedAt: isVerified ? new Date(String(answer.verified_at)) : null,
    claim: toReference(answer),
  }
}

function toReference({ kyc_claim_id: id, kyc_claim_tx_hash: hash }: CaseAnswer): ClaimReference | null {
  return id === null || hash === null ? null : { kycClaimId: id, kycClaimTxHash: hash }
}

function requireUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null
  // A fetch refuses a URL with a password in it, each time.
  const isFine = parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username + parsed.password === ''
  if (isFine && /^https?:\/\/[^/?#\s][^?#\s]*$/i.test(url)) return url.replace(/\/+$/, '')
  throw new ConfigurationError({
    problem: 'baseUrl is no URL of a KYC service.',
    fix: 'Give it like https://kyc.example.com, without a query and without a password.',
  })
}

/** Timers take at most 31 bits, and go wild beyond. */
function requireMs(name: string, value: number): void {
  if (Number.isInteger(value) && value > 0 && value < 2 ** 31) return
  throw new ConfigurationError({
    problem: `${name} is not a whole number above 0.`,
    fix: 'Leave it out for the default.',
  })
}

function unreachable(what: string): KycError {
  return new KycError('kyc_api_unreachable', {
    problem: `The KYC service does not answer (${what}).`,
    fix: 'Check that it runs and that baseUrl leads to it. The call can be repeated.',
  })
}

function refused(status: number): KycError {
  return new KycError('kyc_api_refused', {
    problem: `The KYC service refuses the request, or answers what cannot be read (${status}).`,
    fix: 'Check the token, and that baseUrl is where the KYC routes are mounted.',
  })
}
