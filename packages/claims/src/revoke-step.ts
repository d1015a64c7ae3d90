import type { ClaimWork, NewChainTransaction, StoredClaim } from '@persona-kyc/core'
import { type Hex, keccak256 } from 'viem'
import { toRemoveCall, toRevokeCall } from './calls.js'
import { findTransaction, type Step, toIssuePurpose, toSignedClaim, toTransaction, wait } from './case-step.js'
import { hasClaimCode } from './chain-error.js'
import { hasClaimKey, isSameClaim, listUnrevoked, readClaim } from './chain-view.js'
import type { SignedClaim } from './claim.js'
import type { Head, ServiceContext } from './service-context.js'
import { toSignatureEncodings } from './signature-encodings.js'

/** What is revoked. */
export interface Revocation {
  readonly work: ClaimWork
  readonly stored: StoredClaim
  readonly head: Head
}

/** Makes a claim invalid in every encoding of its signature, takes it from its identity, and its reference from the case. */
export async function stepRevoke(context: ServiceContext, revocation: Revocation): Promise<Step> {
  const { work, stored, head } = revocation
  const claim = toSignedClaim(stored)
  // Its signature has left this database only if a transaction was made of it, or a store that was lost had made one.
  if (isExposed(work, stored) || (await isKnown(context, claim))) {
    const step = (await revokeEncodings(context, revocation, claim)) ?? (await removeClaim(context, revocation, claim))
    if (step !== null) return step
  }
  return finish(context, stored, head)
}

/** True when the signature was in a transaction, also in one that was reverted: then everybody could read it. */
function isExposed({ transactions }: ClaimWork, { caseId, generation }: StoredClaim): boolean {
  return transactions.some(({ purpose }) => purpose === toIssuePurpose(caseId, generation))
}

/** True when the chain shows that somebody has seen the signature. */
async function isKnown({ issuer: { client, signer } }: ServiceContext, claim: SignedClaim): Promise<boolean> {
  if (isSameClaim(await readClaim(client, claim), claim)) return true
  const unrevoked = await listUnrevoked(client, claim, { signer })
  // Some of it is revoked already: the rest must follow.
  return !unrevoked.includes(toSignatureEncodings(claim.signature)[0])
}

/** The transactions that revoke what is still valid; null once nothing is, in a block that counts as final. */
async function revokeEncodings(
  context: ServiceContext,
  { work, stored, head }: Revocation,
  claim: SignedClaim,
): Promise<Step | null> {
  const { client, signer } = context.issuer
  const [canonical] = toSignatureEncodings(claim.signature)
  const unrevoked = await listUnrevoked(client, claim, { signer })
  if (unrevoked.length === 0) return (await isRevokedForGood(context, claim, head)) ? null : wait('unconfirmed')
  // First what the identity shows. Where the contract knows the encodings of one signature, that revokes them all.
  const next = unrevoked.includes(canonical) ? [canonical] : unrevoked
  const missing = next.filter((encoding) => findTransaction(work, toRevokePurpose(encoding)) === undefined)
  const transactions = await Promise.all(missing.map((encoding) => toRevocation(context, stored, encoding)))
  // The rest follows as soon as the first is in a block, so there is no waiting until it is final.
  return transactions.length === 0 && next[0] === canonical ? wait('revoking') : { kind: 'sent', transactions }
}

async function isRevokedForGood(
  { issuer: { client, signer }, witnesses }: ServiceContext,
  claim: SignedClaim,
  { confirmed: blockNumber }: Head,
): Promise<boolean> {
  if (blockNumber === null) return false
  const views = [client, ...witnesses].map((view) => listUnrevoked(view, claim, { signer, blockNumber }))
  return (await Promise.all(views)).every(({ length }) => length === 0)
}

function toRevokePurpose(encoding: Hex): string {
  return `revoke:${keccak256(encoding)}`
}

function toRevocation(context: ServiceContext, stored: StoredClaim, encoding: Hex): Promise<NewChainTransaction> {
  const { caseId, generation } = stored
  const claim = { generation, state: 'revoking' } as const
  return toTransaction(context, toRevokeCall(context.issuer.issuer, encoding), {
    purpose: toRevokePurpose(encoding),
    caseId,
    claim,
  })
}

/** The transaction that takes the claim from its identity; null where it is gone, or must stay. It is invalid either way. */
async function removeClaim(
  context: ServiceContext,
  { work, stored }: Revocation,
  claim: SignedClaim,
): Promise<Step | null> {
  const { issuer, removesRevoked } = context
  const { caseId, generation } = stored
  const purpose = `remove:${caseId}:${generation}`
  const transaction = findTransaction(work, purpose)
  if (transaction?.state === 'open') return { kind: 'sent', transactions: [] }
  if (!removesRevoked || transaction !== undefined) return null
  if (!isSameClaim(await readClaim(issuer.client, claim), claim)) return null
  if (!(await hasClaimKey(issuer.client, claim.identity, issuer.sender.address))) return null
  const guard = { generation, state: 'revoking' } as const
  try {
    const call = toRemoveCall(claim.identity, issuer.claimId)
    return { kind: 'sent', transactions: [await toTransaction(context, call, { purpose, caseId, claim: guard })] }
  } catch (error) {
    if (!hasClaimCode(error, 'chain_refused')) throw error
    context.logger.warn({ caseId, identity: claim.identity }, 'the identity does not let go of a revoked claim')
    return null
  }
}

async function finish(context: ServiceContext, stored: StoredClaim, head: Head): Promise<Step> {
  const { source, store, logger, measure } = context
  const { caseId, generation, txHash, claimId } = stored
  const reference = await findReference(context, stored)
  if (reference !== null) await source.clearClaim(caseId, reference)
  await store.moveClaim({ caseId, generation }, { from: ['revoking'], to: 'revoked', now: new Date(context.now()) })
  logger.info({ caseId, generation, claimId, txHash, block: Number(head.number) }, 'claim revoked')
  measure({ name: 'claim_revoked' })
  return { kind: 'again' }
}

/** The reference that the case may have of this claim, also where a process died between storing and noting it. */
async function findReference({ source }: ServiceContext, { caseId, claimId, txHash }: StoredClaim) {
  if (txHash !== null) return { kycClaimId: claimId, kycClaimTxHash: txHash }
  const kycCase = await source.readCase(caseId)
  return kycCase?.claim?.kycClaimId === claimId ? kycCase.claim : null
}
