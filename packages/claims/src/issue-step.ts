import type { ClaimWork, StoredClaim } from '@persona-kyc/core'
import type { Hex, PublicClient } from 'viem'
import { toAddClaimCall } from './calls.js'
import {
  countVoid,
  findTransaction,
  park,
  type Step,
  toIssuePurpose,
  toOwnPurpose,
  toSignedClaim,
  toTransaction,
  wait,
} from './case-step.js'
import { hasClaimCode } from './chain-error.js'
import { isClaimValid, isRevoked, isSameClaim, readClaim, type ShownClaim } from './chain-view.js'
import type { SignedClaim } from './claim.js'
import type { ClaimableCase } from './claim-source.js'
import { findIssuance } from './find-issuance.js'
import { toRevocations } from './revoke-step.js'
import type { Head, ServiceContext } from './service-context.js'
import { isSignature, toSignatureEncodings } from './signature-encodings.js'

/** What a claim is issued for. */
export interface Issue {
  readonly work: ClaimWork
  readonly stored: StoredClaim
  readonly head: Head
}

/** Takes a signed claim to the chain, and its reference to the case. */
export async function stepIssue(context: ServiceContext, issue: Issue): Promise<Step> {
  const { work, stored } = issue
  const transaction = findTransaction(context, work, toIssuePurpose(stored.caseId, stored.generation))
  if (transaction?.state === 'open') return { kind: 'sent', transactions: [] }
  const claim = toSignedClaim(stored)
  const txHash = transaction?.hashes.at(-1)
  if (transaction !== undefined && txHash !== undefined) return confirm(context, issue, { claim, txHash })
  // The chain is asked before anything is sent: who lost what was stored must not send again.
  const shown = await readClaim(context.issuer.client, claim)
  if (isSameClaim(shown, claim)) return findOnChain(context, issue, claim)
  return (await revokeOrphan(context, issue, shown)) ?? send(context, issue, claim)
}

async function findOnChain(context: ServiceContext, issue: Issue, claim: SignedClaim): Promise<Step> {
  const found = await findIssuance(context.issuer.client, claim)
  if (found === null) return send(context, issue, claim)
  const { confirmed } = issue.head
  if (confirmed === null || found.blockNumber > confirmed) return wait('unconfirmed')
  return confirm(context, issue, { claim, txHash: found.txHash })
}

/**
 * A claim of this issuer that the identity shows, and no case has: one from before the store was lost, or made by hand. It
 * would be valid for ever once it is overwritten, so every encoding of it is revoked first. Null where none is valid.
 */
async function revokeOrphan(
  context: ServiceContext,
  { work, stored }: Issue,
  shown: ShownClaim | null,
): Promise<Step | null> {
  if (shown === null || shown.issuer.toLowerCase() !== stored.issuer || !isSignature(shown.signature)) return null
  const unrevoked = await listValid(context.issuer.client, shown)
  if (unrevoked.length === 0) return null
  const transactions = await toRevocations(context, { work, stored, state: 'signed' }, shown, unrevoked)
  return transactions.length === 0 ? wait('revoking') : { kind: 'sent', transactions }
}

async function listValid(client: PublicClient, shown: ShownClaim): Promise<readonly Hex[]> {
  const encodings = toSignatureEncodings(shown.signature)
  const valid = await Promise.all(encodings.map((signature) => isClaimValid(client, { ...shown, signature })))
  return encodings.filter((_, index) => valid[index] === true)
}

async function send(context: ServiceContext, { work, stored }: Issue, claim: SignedClaim): Promise<Step> {
  const { caseId, generation } = stored
  const kycCase = await context.source.readCase(caseId)
  if (kycCase === null || kycCase.verifiedAt === null) return withdraw(context, stored)
  const purpose = toIssuePurpose(caseId, generation)
  // What is reverted in blocks, and not in simulation, costs something each time.
  if (countVoid(context, work, purpose) > work.request.attempts) return park('reverted')
  const guard = { generation, state: 'signed' } as const
  try {
    const own = toOwnPurpose(context, work, purpose)
    const transaction = await toTransaction(context, toAddClaimCall(claim), { purpose: own, caseId, claim: guard })
    return { kind: 'sent', transactions: [transaction] }
  } catch (error) {
    if (!hasClaimCode(error, 'chain_refused')) throw error
    const { client, issuer } = context.issuer
    // The store has lost that it was revoked: this one is done with, and the next one has another number.
    if (await isRevoked(client, issuer, claim.signature)) return withdraw(context, stored)
    throw error
  }
}

async function confirm(
  context: ServiceContext,
  issue: Issue,
  { claim, txHash }: { claim: SignedClaim; txHash: string },
): Promise<Step> {
  const { stored, head } = issue
  const [view, ...others] = await Promise.all([
    viewClaim(context.issuer.client, claim),
    ...context.witnesses.map((witness) => viewClaim(witness, claim, head.confirmed)),
  ])
  if (view !== 'valid') return settleLost(context, issue, { claim, others })
  if (others.some((other) => other !== 'valid')) return contradict(context, stored)
  const { caseId } = stored
  const reference = { kycClaimId: stored.claimId, kycClaimTxHash: txHash }
  const result = await context.source.storeClaim(caseId, reference)
  if (result === 'stored') return finish(context, stored, txHash)
  if (result === 'conflict') return replaceReference(context, stored, await context.source.readCase(caseId))
  return withdraw(context, stored)
}

/**
 * Whoever manages the identity has taken the claim away again, or never let it in. That is theirs to decide; but its
 * signature is public, so it is revoked, and the case gets no other one for this verification.
 */
async function settleLost(
  context: ServiceContext,
  { stored, head }: Issue,
  { claim, others }: { claim: SignedClaim; others: readonly ClaimView[] },
): Promise<Step> {
  const view = await viewClaim(context.issuer.client, claim, head.confirmed)
  // It is happening just now, and is decided once it is final.
  if (view === 'valid') return wait('unconfirmed')
  if (view === 'invalid') return park('claim_invalid')
  if (others.some((other) => other !== 'absent')) return contradict(context, stored)
  const { caseId, generation } = stored
  context.logger.warn({ caseId, generation, identity: stored.identity }, 'the holder has removed the claim')
  const now = new Date(context.now())
  await context.store.moveClaim({ caseId, generation }, { from: ['signed'], to: 'revoking', supersededBy: caseId, now })
  return { kind: 'again' }
}

function contradict({ raiseOnce }: ServiceContext, { caseId }: StoredClaim): Step {
  raiseOnce({ kind: 'chain_contradicts', nonce: null, caseId })
  return park('chain_contradicts')
}

type ClaimView = 'valid' | 'invalid' | 'absent'

async function viewClaim(client: PublicClient, claim: SignedClaim, block: bigint | null = null): Promise<ClaimView> {
  const at = block === null ? {} : { blockNumber: block }
  const [shown, isValid] = await Promise.all([readClaim(client, claim, at), isClaimValid(client, claim, at)])
  if (!isSameClaim(shown, claim)) return 'absent'
  return isValid ? 'valid' : 'invalid'
}

async function finish(context: ServiceContext, stored: StoredClaim, txHash: string): Promise<Step> {
  const { caseId, generation, identity } = stored
  const now = new Date(context.now())
  await context.store.moveClaim({ caseId, generation }, { from: ['signed'], to: 'issued', txHash, now })
  context.logger.info({ caseId, generation, identity, claimId: stored.claimId, txHash }, 'claim issued')
  context.measure({ name: 'claim_issued' })
  return { kind: 'settled', reason: null }
}

/** The case is not verified any more: the claim, which may be on chain, is to be made invalid. */
export async function withdraw({ store, now }: ServiceContext, { caseId, generation }: StoredClaim): Promise<Step> {
  const date = new Date(now())
  await store.moveClaim({ caseId, generation }, { from: ['signed', 'issued'], to: 'revoking', now: date })
  return { kind: 'again' }
}

/** The case has another reference: one to an earlier claim of this issuer gives way, any other one is for an operator. */
async function replaceReference(
  { source, raiseOnce, issuer }: ServiceContext,
  stored: StoredClaim,
  kycCase: ClaimableCase | null,
): Promise<Step> {
  if (kycCase === null || kycCase.claim === null) return park('reference_conflict')
  if (kycCase.claim.kycClaimId === issuer.claimId) {
    await source.clearClaim(stored.caseId, kycCase.claim)
    return wait('reference_conflict')
  }
  raiseOnce({ kind: 'claim_conflict', caseId: stored.caseId })
  return park('claim_conflict')
}
