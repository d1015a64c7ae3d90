import { after } from './test-engine.js'
import { type Answer, CASE_PATH, createTestHandler } from './test-handler.js'

/** A claim's reference on the wire, and the engine's. */
export const CLAIM = { kyc_claim_id: '0xab', kyc_claim_tx_hash: '0xcd' }
export const REFERENCE = { kycClaimId: '0xab', kycClaimTxHash: '0xcd' }
/** The query that clears it. */
export const QUERY = `?${new URLSearchParams(CLAIM)}`

/** The limit of the Identity Service. */
export const LIMITED = { principal: 'identity-service', cases: 'claimable' } as const

/** A case that went through these of Persona's statuses, claimed when it was first approved if so, and a limited caller. */
export async function startCase(statuses: readonly string[], { isClaimed = false } = {}) {
  const test = createTestHandler()
  const caseId = await test.initiate('user_canary')
  const move = (status: string, second: number) =>
    test.deliver({ id: `evt_${second}`, status, createdAt: after(second) })
  for (const [index, status] of statuses.entries()) {
    await move(status, index + 1)
    if (isClaimed && status === 'approved') await test.engine.updateClaim(caseId, REFERENCE)
  }
  test.authorize.mockReturnValue(LIMITED)
  return { ...test, caseId, path: `${CASE_PATH}/${caseId}`, move: (status: string) => move(status, 100) }
}

/** Everything of an answer, to compare it with another byte for byte. */
export function toText({ status, text, headers }: Answer): string {
  return JSON.stringify([status, text, [...headers]])
}

/** What cases have gone through that have a claim and are no longer verified. */
export const STALE = [
  ['approved', 'declined'],
  ['approved', 'needs_review'],
  ['approved', 'pending'],
]
