import type { ClaimWork, StoredClaim } from '@persona-kyc/core'
import type { PublicClient } from 'viem'
import { toAddClaimCall } from './calls.js'
import { findTransaction, park, type Step, toIssuePurpose, toSignedClaim, toTransaction, wait } from './case-step.js'
import { isClaimValid, isSameClaim, readClaim } from './chain-view.js'
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
  const purpose = toIssuePurpose(stored.caseId, stored.generation)
  const transaction = findTransaction(work, purpose)
  if (transaction?.state === 'open') return { kind: 'sent', transactions: [] }
  const claim = toSignedClaim(stored)
  const txHash =
    transaction === undefined ? await findOnChain(context, claim, head) : (transaction.hashes.at(-1) ?? null)
  if (txHash === 'unconfirmed') return wait('unconfirmed')
  if (txHash !== null) return confirm(context, issue, { claim, txHash })

  const kycCase = await context.source.readCase(stored.caseId)
  if (kycCase === null || kycCase.verifiedAt === null) return withdraw(context, stored)
  const { caseId, generation } = stored
  const guard = { generation, state: 'signed' } as const
  return {
    kind: 'sent',
    transactions: [await toTransaction(context, toAddClaimCall(claim), { purpose, caseId, claim: guard })],
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
  { stored, head }: Issue,
  { claim, txHash }: { claim: SignedClaim; txHash: string },
): Promise<Step> {
  const { caseId } = stored
  const views = await Promise.all(
    [context.issuer.client, ...context.witnesses].map((client) => viewClaim(client, claim, head)),
  )
  if (new Set(views).size > 1) {
    context.raise({ kind: 'chain_contradicts', nonce: null, caseId })
    return park('chain_contradicts')
  }
  // Whoever manages the identity has taken it away again; that is theirs to decide.
  if (views[0] === 'absent') return { kind: 'settled', reason: 'removed_by_holder' }
  if (views[0] === 'invalid') return park('claim_invalid')
  // It is being taken away just now: that is decided once it is final.
  if ((await viewClaim(context.issuer.client, claim, { confirmed: null })) !== 'valid') return wait('unconfirmed')
  const reference = { kycClaimId: stored.claimId, kycClaimTxHash: txHash }
  const result = await context.source.storeClaim(caseId, reference)
  if (result === 'stored') return finish(context, stored, txHash)
  if (result === 'conflict') return replaceReference(context, stored, await context.source.readCase(caseId))
  return withdraw(context, stored)
}

async function viewClaim(client: PublicClient, claim: SignedClaim, { confirmed }: Pick<Head, 'confirmed'>) {
  const at = confirmed === null ? {} : { blockNumber: confirmed }
  if (!isSameClaim(await readClaim(client, claim, at), claim)) return 'absent'
  return (await isClaimValid(client, claim, at)) ? 'valid' : 'invalid'
}

async function finish(context: ServiceContext, stored: StoredClaim, txHash: string): Promise<Step> {
  const { caseId, generation, identity } = stored
  const now = new Date(context.now())
  await context.store.moveClaim({ caseId, generation }, { from: ['signed'], to: 'issued', txHash, now })
  context.logger.info({ caseId, generation, identity, claimId: stored.claimId, txHash }, 'claim issued')
  context.measure({ name: 'claim_issued' })
  return { kind: 'again' }
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
