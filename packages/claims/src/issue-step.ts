import type { ClaimWork, StoredClaim } from '@persona-kyc/core'
import type { PublicClient } from 'viem'
import { toAddClaimCall } from './calls.js'
import { findTransaction, park, type Step, toIssuePurpose, toSignedClaim, toTransaction, wait } from './case-step.js'
import { hasClaimCode } from './chain-error.js'
import { isClaimValid, isRevoked, isSameClaim, readClaim } from './chain-view.js'
import type { SignedClaim } from './claim.js'
import type { ClaimableCase } from './claim-source.js'
import { findIssuance } from './find-issuance.js'
import type { Head, ServiceContext } from './service-context.js'

/** What a claim is issued for. */
export interface Issue {
  readonly work: ClaimWork
  readonly stored: StoredClaim
  readonly head: Head
}

/** Takes a signed claim to the chain, and its reference to the case. */
export async function stepIssue(context: ServiceContext, issue: Issue): Promise<Step> {
  const { work, stored, head } = issue
  const transaction = findTransaction(work, toIssuePurpose(stored.caseId, stored.generation))
  if (transaction?.state === 'open') return { kind: 'sent', transactions: [] }
  const claim = toSignedClaim(stored)
  const txHash =
    transaction === undefined ? await findOnChain(context, claim, head) : (transaction.hashes.at(-1) ?? null)
  if (txHash === 'unconfirmed') return wait('unconfirmed')
  if (txHash !== null) return confirm(context, issue, { claim, txHash })

  const kycCase = await context.source.readCase(stored.caseId)
  if (kycCase === null || kycCase.verifiedAt === null) return withdraw(context, stored)
  return send(context, stored, claim)
}

async function send(context: ServiceContext, stored: StoredClaim, claim: SignedClaim): Promise<Step> {
  const { caseId, generation } = stored
  const purpose = toIssuePurpose(caseId, generation)
  const guard = { generation, state: 'signed' } as const
  try {
    const transaction = await toTransaction(context, toAddClaimCall(claim), { purpose, caseId, claim: guard })
    return { kind: 'sent', transactions: [transaction] }
  } catch (error) {
    if (!hasClaimCode(error, 'chain_refused')) throw error
    const { client, issuer } = context.issuer
    // The store has lost that it was revoked: this one is done with, and the next one has another number.
    if (await isRevoked(client, issuer, claim.signature)) return withdraw(context, stored)
    throw error
  }
}

/** The chain is asked before anything is sent: who lost what was stored must not send again. */
async function findOnChain(
  { issuer: { client } }: ServiceContext,
  claim: SignedClaim,
  { confirmed }: Head,
): Promise<string | 'unconfirmed' | null> {
  if (!isSameClaim(await readClaim(client, claim), claim)) return null
  const found = await findIssuance(client, claim)
  if (found === null) return null
  return confirmed !== null && found.blockNumber <= confirmed ? found.txHash : 'unconfirmed'
}

async function confirm(
  context: ServiceContext,
  issue: Issue,
  { claim, txHash }: { claim: SignedClaim; txHash: string },
): Promise<Step> {
  const { stored, head } = issue
  const { client } = context.issuer
  const [view, ...others] = await Promise.all([
    viewClaim(client, claim),
    ...context.witnesses.map((witness) => viewClaim(witness, claim, head.confirmed)),
  ])
  if (view !== 'valid') return settleLost(context, issue, claim)
  if (others.some((other) => other !== 'valid')) {
    context.raise({ kind: 'chain_contradicts', nonce: null, caseId: stored.caseId })
    return park('chain_contradicts')
  }
  const { caseId } = stored
  const reference = { kycClaimId: stored.claimId, kycClaimTxHash: txHash }
  const result = await context.source.storeClaim(caseId, reference)
  if (result === 'stored') return finish(context, stored, txHash)
  if (result === 'conflict') return replaceReference(context, stored, await context.source.readCase(caseId))
  return withdraw(context, stored)
}

/** Whoever manages the identity has taken the claim away again, which is theirs to decide; or it is invalid. */
async function settleLost({ issuer }: ServiceContext, { head }: Issue, claim: SignedClaim): Promise<Step> {
  const view = await viewClaim(issuer.client, claim, head.confirmed)
  if (view === 'absent') return { kind: 'settled', reason: 'removed_by_holder' }
  // It is happening just now, and is decided once it is final.
  return view === 'valid' ? wait('unconfirmed') : park('claim_invalid')
}

async function viewClaim(client: PublicClient, claim: SignedClaim, block: bigint | null = null) {
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
async function withdraw({ store, now }: ServiceContext, { caseId, generation }: StoredClaim): Promise<Step> {
  await store.moveClaim({ caseId, generation }, { from: ['signed'], to: 'revoking', now: new Date(now()) })
  return { kind: 'again' }
}

/** The case has another reference: one to an earlier claim of this issuer gives way, any other one is for an operator. */
async function replaceReference(
  { source, raise, issuer }: ServiceContext,
  stored: StoredClaim,
  kycCase: ClaimableCase | null,
): Promise<Step> {
  if (kycCase === null || kycCase.claim === null) return { kind: 'again' }
  if (kycCase.claim.kycClaimId === issuer.claimId) {
    await source.clearClaim(stored.caseId, kycCase.claim)
    return { kind: 'again' }
  }
  raise({ kind: 'claim_conflict', caseId: stored.caseId })
  return park('claim_conflict')
}
