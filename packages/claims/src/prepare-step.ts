import type { ClaimWork, StoredClaim } from '@persona-kyc/core'
import type { Address } from 'viem'
import { findTransaction, park, type Step, toOwnPurpose, toTransaction, wait } from './case-step.js'
import { hasClaimKey, hasCode } from './chain-view.js'
import type { SignedClaim } from './claim.js'
import type { ClaimInput } from './claim-issuer.js'
import type { ClaimableCase } from './claim-source.js'
import { findShown } from './find-issuance.js'
import type { IdentityFactory } from './identities.js'
import { stepIssue } from './issue-step.js'
import type { Head, IdentityChoice, ServiceContext } from './service-context.js'

/** How often in a row a source may say that there is no case before it is believed. */
export const LOOKS_BEFORE_BELIEVING = 8

/** Finds or creates the identity of a verified case, and signs a claim for it. The claim is stored before anything is sent. */
export async function stepPrepare(context: ServiceContext, work: ClaimWork, head: Head): Promise<Step> {
  const { request, claims } = work
  const kycCase = await context.source.readCase(request.caseId)
  // A source that lags behind the request will know better soon, and one wrong answer must not lose a claim.
  if (kycCase === null) {
    return request.attempts < LOOKS_BEFORE_BELIEVING ? park('case_not_visible') : settle('not_verified')
  }
  if (kycCase.verifiedAt === null) {
    return kycCase.revision < request.revision ? wait('source_lags') : settle('not_verified')
  }
  const last = claims.at(-1)
  if (last?.supersededBy && last.verifiedAt.getTime() === kycCase.verifiedAt.getTime()) {
    // The holder did not want it, or another case of the same person, verified later, has the identity's claim.
    return settle(last.supersededBy === last.caseId ? 'removed_by_holder' : 'superseded')
  }
  const found = await findIdentity(context, work, kycCase)
  if ('kind' in found) return found
  const { identity } = found
  const obstacle = await findObstacle(context, identity)
  if (obstacle !== null) return obstacle
  const { caseId, verifiedAt } = kycCase
  const generation = (last?.generation ?? 0) + 1
  const claim = await sign(context, { identity, caseId, verifiedAt, generation })
  const stored = await store(context, work, { claim, generation, verifiedAt })
  if (stored === null) return { kind: 'again' }
  if (stored.caseId !== caseId) return supersede(context, stored, { caseId, verifiedAt })
  return stored.state === 'signed' ? stepIssue(context, { work, stored, head }) : { kind: 'again' }
}

/** Signs the claim, but for one that the identity shows already: a KMS may give another signature each time. */
async function sign({ issuer }: ServiceContext, input: ClaimInput): Promise<SignedClaim> {
  const claim = await issuer.sign(input)
  return (await findShown(issuer.client, claim))?.claim ?? claim
}

/** Why the sender cannot give claims to the identity; null where it can. */
async function findObstacle({ issuer: { client, sender } }: ServiceContext, identity: Address): Promise<Step | null> {
  if (await hasClaimKey(client, identity, sender.address)) return null
  return park((await hasCode(client, identity)) ? 'identity_not_writable' : 'identity_missing')
}

function settle(reason: string): Step {
  return { kind: 'settled', reason }
}

async function findIdentity(
  context: ServiceContext,
  work: ClaimWork,
  kycCase: ClaimableCase,
): Promise<{ identity: Address } | Step> {
  const choice = await resolveInTime(context, kycCase)
  if (choice === null) return park('identity_missing')
  if ('identity' in choice) return choice
  const { factory } = context
  return factory === null ? park('factory_missing') : findOrCreate({ ...context, factory }, work, choice.wallet)
}

/** One call that never ends must not hold up the others. */
async function resolveInTime(context: ServiceContext, kycCase: ClaimableCase): Promise<IdentityChoice | null> {
  const { resolveIdentity, resolveTimeoutMs, sleep } = context
  const done = new AbortController()
  const expired = sleep(resolveTimeoutMs, done.signal).then(
    () => Promise.reject(new Error('resolveIdentity takes too long.')),
    () => null,
  )
  try {
    return await Promise.race([resolveIdentity(kycCase), expired])
  } finally {
    done.abort()
  }
}

async function findOrCreate(
  context: ServiceContext & { readonly factory: IdentityFactory },
  work: ClaimWork,
  wallet: Address,
): Promise<{ identity: Address } | Step> {
  const { factory } = context
  const { caseId } = work.request
  const identity = await factory.find(wallet)
  if (identity !== null) {
    // Whoever has an identity can link other people's wallets to it: only one that was made for this wallet will do.
    if (isCreatedHere(work, wallet, identity) || (await factory.wasMadeFor(wallet, identity))) return { identity }
    context.raiseOnce({ kind: 'identity_foreign', caseId, identity })
    return park('identity_foreign')
  }
  const purpose = `identity:${(await factory.predict(wallet)).toLowerCase()}`
  if (findTransaction(context, work, purpose) !== undefined) return wait('identity_pending')
  context.measure({ name: 'identity_created' })
  const own = { purpose: toOwnPurpose(context, work, purpose), caseId, claim: null }
  return { kind: 'sent', transactions: [await toTransaction(context, await factory.toCreateCall(wallet), own)] }
}

function isCreatedHere({ transactions }: ClaimWork, wallet: Address, identity: Address): boolean {
  return transactions.some(
    ({ purpose, data, state }) =>
      state !== 'void' &&
      purpose.startsWith(`identity:${identity.toLowerCase()}`) &&
      data.includes(wallet.slice(2).toLowerCase()),
  )
}

function store(
  { store: storage, issuer, chainId, now }: ServiceContext,
  { request }: ClaimWork,
  { claim, generation, verifiedAt }: { claim: SignedClaim; generation: number; verifiedAt: Date },
): Promise<StoredClaim | null> {
  const { caseId, revision } = request
  return storage.addClaim({
    caseId,
    generation,
    revision,
    chainId,
    issuer: issuer.issuer.toLowerCase(),
    topic: issuer.topic.toString(),
    identity: claim.identity.toLowerCase(),
    claimId: issuer.claimId,
    data: claim.data,
    signature: claim.signature,
    uri: claim.uri,
    verifiedAt,
    now: new Date(now()),
  })
}

/** An identity has one claim of an issuer and topic: of two cases, the one that was verified later has it. */
async function supersede(
  { store: storage, now }: ServiceContext,
  holder: StoredClaim,
  { caseId, verifiedAt }: { caseId: string; verifiedAt: Date },
): Promise<Step> {
  const difference = verifiedAt.getTime() - holder.verifiedAt.getTime()
  const isLater = difference > 0 || (difference === 0 && caseId > holder.caseId)
  if (holder.state === 'revoking') return wait('superseding')
  if (!isLater) return settle('superseded')
  const key = { caseId: holder.caseId, generation: holder.generation }
  const date = new Date(now())
  await storage.moveClaim(key, { from: ['signed', 'issued'], to: 'revoking', supersededBy: caseId, now: date })
  await storage.recallClaimRequest(holder.caseId, date)
  return wait('superseding')
}
