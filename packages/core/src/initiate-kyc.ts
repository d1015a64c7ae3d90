import { toSha256Hex } from './digest.js'
import type { EngineContext } from './engine-context.js'
import { completeInitiation, createInquiry, LEASE_MS } from './initiation.js'
import { type InquiryInput, sealPersonalData } from './personal-data.js'
import { ensureSession } from './session.js'
import type { KycCase, NewCase } from './storage.js'

/** The input of {@link KycEngine.initiateKyc}. */
export interface InitiateKycOptions extends InquiryInput {
  /** Your id of the person: an opaque id, never an e-mail address. Persona's account reference id. */
  readonly userId: string
  /** The same key again, for the same user and document type, answers with the same case, even when it is closed. */
  readonly idempotencyKey?: string | undefined
}

/** See {@link KycEngine.initiateKyc}. */
export async function initiateKyc(
  context: EngineContext,
  options: InitiateKycOptions,
): Promise<{ created: boolean; kycCase: KycCase }> {
  const stored = await context.storage.createCase(await toNewCase(context, options))
  const kycCase = await joinOrStart(context, stored.kycCase.id, () =>
    stored.created
      ? createInquiry(context, stored.kycCase, { replaces: null, recovering: false, input: options })
      : goOn(context, stored.kycCase, options),
  )
  return { created: stored.created, kycCase }
}

async function goOn(context: EngineContext, kycCase: KycCase, input: InitiateKycOptions): Promise<KycCase> {
  if (kycCase.status !== 'pending' || kycCase.erasedAt !== null) return kycCase
  const withInquiry =
    kycCase.personaInquiryId === null
      ? await completeInitiation(context, kycCase.id, { replaces: null, input })
      : kycCase
  return ensureSession(context, withInquiry, input)
}

/** Callers of one case in one process share one run: it ends with what each of them wants. */
function joinOrStart({ underWay }: EngineContext, caseId: string, run: () => Promise<KycCase>): Promise<KycCase> {
  const joined = underWay.get(caseId)
  if (joined !== undefined) return joined
  const started = run().finally(() => underWay.delete(caseId))
  underWay.set(caseId, started)
  return started
}

async function toNewCase(context: EngineContext, options: InitiateKycOptions): Promise<NewCase> {
  const id = crypto.randomUUID()
  const now = context.now()
  return {
    id,
    userId: options.userId,
    documentType: options.documentType,
    sealedPersonalData: await sealPersonalData(context, id, options),
    idempotencyKey: options.idempotencyKey === undefined ? null : await toDigest(options),
    createdAt: new Date(now),
    initiatingUntil: new Date(now + LEASE_MS),
  }
}

/** Callers choose their keys: a digest is of bounded length and says nothing. */
function toDigest({ idempotencyKey, documentType }: InitiateKycOptions): Promise<string> {
  return toSha256Hex(JSON.stringify([idempotencyKey, documentType]))
}
