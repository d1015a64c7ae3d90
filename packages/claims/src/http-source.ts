import {
  type ClaimReference,
  ConfigurationError,
  createKycApi,
  isKycApiError,
  type KycApiCase,
  type KycApiCaseQuery,
  KycApiError,
  sleep,
  sleepUntilAborted,
} from '@persona-kyc/core'
import type { ClaimableCase, ClaimChange, ClaimSource } from './claim-source.js'

/** What {@link createHttpSource} accepts. */
export interface HttpSourceOptions {
  /** Where the KYC routes are mounted: `https://kyc.example.com`, or with a base path. */
  readonly baseUrl: string
  /** A bearer token that may read verified cases and write claims: 16 or more characters of ASCII, without a space. */
  readonly token: string
  /** True takes a `baseUrl` of http that is not this machine's loopback: the token travels in clear. Default false. */
  readonly allowInsecureHttp?: boolean | undefined
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

const CLEAR_OUTCOMES = { case_not_found: 'not_found', claim_conflict: 'conflict' } as const
const STORE_OUTCOMES = { ...CLEAR_OUTCOMES, case_not_verified: 'not_verified' } as const

/** Verified cases that lack a claim, and those that have one and are no longer verified. */
const LISTS: readonly KycApiCaseQuery[] = [
  { status: 'verified', claim: 'missing', limit: 200 },
  { claim: 'stale', limit: 200 },
]
/** How many cases it remembers to have told of: the rest is told again, which does no harm. */
const MAX_REMEMBERED = 100_000

/**
 * Returns the source that asks a KYC service over HTTP, again and again: for verified cases without a claim, and for
 * cases with one that are no longer verified.
 *
 * @throws ConfigurationError when the URL or the token cannot be used.
 */
export function createHttpSource(options: HttpSourceOptions): ClaimSource {
  const { pollMs = 5000, recheckMs = 3_600_000 } = options
  requireMs('pollMs', pollMs)
  requireMs('recheckMs', recheckMs)
  const api = createApi(options)
  const told = new Map<string, number>()

  const walk = async (
    list: KycApiCaseQuery,
    onChange: (change: ClaimChange) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> => {
    for await (const { case_id: caseId, revision, status } of api.walkCases(list, { signal })) {
      if (told.get(caseId) === revision) continue
      await onChange({ caseId, revision, isVerified: status === 'verified' })
      if (told.size >= MAX_REMEMBERED) told.clear()
      told.set(caseId, revision)
    }
  }
  const report = async (error: unknown) => {
    if (!isKycApiError(error) || error.reason !== 'aborted') options.onError?.(error)
  }

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
      const answer = await toOutcome(api.get(caseId), { case_not_found: null })
      return answer === null ? null : toClaimableCase(answer)
    },
    async storeClaim(caseId, claim) {
      const answer = await toOutcome(api.setClaim(caseId, toWire(claim)), STORE_OUTCOMES)
      if (typeof answer === 'string') return answer
      if (answer.kyc_claim_id === claim.kycClaimId && answer.kyc_claim_tx_hash === claim.kycClaimTxHash) return 'stored'
      throw new KycApiError('unexpected', { status: 200 })
    },
    async clearClaim(caseId, claim) {
      const answer = await toOutcome(api.clearClaim(caseId, toWire(claim)), CLEAR_OUTCOMES)
      if (typeof answer === 'string') return answer
      if (answer.kyc_claim_id === null) return 'cleared'
      throw new KycApiError('unexpected', { status: 200 })
    },
  }
}

/** Nothing is repeated at once: what fails is due again soon, and other cases come first. */
function createApi({ baseUrl, token, timeoutMs, allowInsecureHttp, fetch }: HttpSourceOptions) {
  // Of the token, createKycApi requires less.
  if (typeof token !== 'string' || token.length < 16) {
    throw new ConfigurationError({
      problem: 'The token is too short.',
      fix: 'Give the token that the KYC service knows as IDENTITY_SERVICE_TOKEN.',
    })
  }
  return createKycApi({ baseUrl, token, timeoutMs, allowInsecureHttp, fetch, retries: 0 })
}

/**
 * Resolves with the case, or with what the code of a refusal stands for. Another 404 may mean that the base URL is wrong:
 * nothing is to be concluded from that.
 */
async function toOutcome<Outcome>(
  answer: Promise<KycApiCase>,
  outcomes: Readonly<Record<string, Outcome>>,
): Promise<KycApiCase | Outcome> {
  try {
    return await answer
  } catch (error) {
    const code = isKycApiError(error) ? (error.problemCode ?? '') : ''
    if (Object.hasOwn(outcomes, code)) return outcomes[code] as Outcome
    throw error
  }
}

function toWire({ kycClaimId, kycClaimTxHash }: ClaimReference) {
  return { kyc_claim_id: kycClaimId, kyc_claim_tx_hash: kycClaimTxHash }
}

function toClaimableCase(answer: KycApiCase): ClaimableCase {
  const { verified_at: verifiedAt } = answer
  const isVerified = answer.status === 'verified' && answer.erased_at === null
  return {
    caseId: answer.case_id,
    userId: answer.user_id,
    revision: answer.revision,
    verifiedAt: isVerified && verifiedAt !== null ? new Date(verifiedAt) : null,
    claim: toReference(answer),
  }
}

function toReference({ kyc_claim_id: id, kyc_claim_tx_hash: hash }: KycApiCase): ClaimReference | null {
  return id === null || hash === null ? null : { kycClaimId: id, kycClaimTxHash: hash }
}

/** Timers take at most 31 bits, and go wild beyond. */
function requireMs(name: string, value: number): void {
  if (Number.isInteger(value) && value > 0 && value < 2 ** 31) return
  throw new ConfigurationError({
    problem: `${name} is not a whole number above 0.`,
    fix: 'Leave it out for the default.',
  })
}
