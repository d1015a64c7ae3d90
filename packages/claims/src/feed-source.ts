import {
  type ClaimReference,
  type FollowOptions,
  isKycError,
  type KycCaseView,
  type KycEngine,
} from '@persona-kyc/core'
import type { ClaimableCase, ClaimSource } from './claim-source.js'

/** What {@link createFeedSource} accepts. */
export interface FeedSourceOptions {
  readonly engine: Pick<KycEngine, 'follow' | 'getCase' | 'updateClaim' | 'clearClaim'>
  /** The name of the follower. Default `identity-service`. */
  readonly consumer?: string | undefined
  /** How the feed is followed. */
  readonly follow?: Omit<FollowOptions, 'signal'> | undefined
}

/** A change that cannot be noted because the store is away must not be put aside: it waits for as long as that takes. */
const NEVER_ENOUGH = 2 ** 31 - 1

type StoreOutcome = Awaited<ReturnType<ClaimSource['storeClaim']>>
type ClearOutcome = Awaited<ReturnType<ClaimSource['clearClaim']>>

const CLEAR_OUTCOMES = { case_not_found: 'not_found', claim_conflict: 'conflict' } as const
const STORE_OUTCOMES = { ...CLEAR_OUTCOMES, case_not_verified: 'not_verified' } as const

/** Returns the source that follows the engine's feed, in the engine's own process. */
export function createFeedSource({
  engine,
  consumer = 'identity-service',
  follow = {},
}: FeedSourceOptions): ClaimSource {
  return {
    follow: (onChange, { signal }) =>
      engine.follow(
        consumer,
        async ({ caseId, revision, from, to }) => {
          if (from === 'verified' || to === 'verified') {
            await onChange({ caseId, revision, isVerified: to === 'verified' })
          }
        },
        { maxAttempts: NEVER_ENOUGH, ...follow, signal },
      ),
    readCase: (caseId) =>
      orIf<ClaimableCase | null>({ case_not_found: null }, async () => toClaimableCase(await engine.getCase(caseId))),
    storeClaim: (caseId, claim) =>
      orIf<StoreOutcome>(STORE_OUTCOMES, async () => {
        await engine.updateClaim(caseId, claim)
        return 'stored'
      }),
    clearClaim: (caseId, claim) =>
      orIf<ClearOutcome>(CLEAR_OUTCOMES, async () => {
        await engine.clearClaim(caseId, claim)
        return 'cleared'
      }),
  }
}

function toClaimableCase(kycCase: KycCaseView): ClaimableCase {
  const { id, userId, revision, status, verifiedAt, erasedAt } = kycCase
  const isVerified = status === 'verified' && erasedAt === null
  return { caseId: id, userId, revision, verifiedAt: isVerified ? verifiedAt : null, claim: toReference(kycCase) }
}

function toReference({ kycClaimId, kycClaimTxHash }: KycCaseView): ClaimReference | null {
  return kycClaimId === null || kycClaimTxHash === null ? null : { kycClaimId, kycClaimTxHash }
}

/** Resolves with what the call does, or with what stands for the code that it rejects with. */
async function orIf<Result>(answers: Readonly<Record<string, Result>>, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call()
  } catch (error) {
    const answer = isKycError(error) ? answers[error.code] : undefined
    if (answer === undefined) throw error
    return answer
  }
}
