import { fromBase64 } from './base64.js'
import type { EngineContext } from './engine-context.js'
import { isJsonObject } from './inflection.js'
import { remember } from './remember.js'
import { toStatusRank } from './status.js'
import type { KycCase, SealedText } from './storage.js'

const EXPIRY_MARGIN_SECONDS = 60

/** Keeps a session token: sealed for the store, or in this process only. Resolves with what the store may have. */
export async function sealSessionToken(
  context: EngineContext,
  caseId: string,
  inquiryId: string,
  token: string | null,
): Promise<SealedText | null> {
  if (token === null) return null
  if (context.cipher !== null) return context.cipher.seal(token, toContext(caseId))
  remember(context.sessionTokens, inquiryId, token)
  return null
}

/**
 * The token with which the person can go on, or null: only of a pending case, and only while Persona would take it.
 */
export async function openSessionToken(context: EngineContext, kycCase: KycCase): Promise<string | null> {
  const { id, status, personaInquiryId, personaStatus, sealedSessionToken, erasedAt } = kycCase
  if (status !== 'pending' || personaInquiryId === null || erasedAt !== null) return null
  if (personaStatus !== null && toStatusRank(personaStatus) > toStatusRank('pending')) return null
  const token =
    context.cipher === null || sealedSessionToken === null
      ? (context.sessionTokens.get(personaInquiryId) ?? null)
      : (context.freshTokens.get(kycCase) ?? (await context.cipher.open(sealedSessionToken, toContext(id))))
  return token !== null && isFresh(token, context.now()) ? token : null
}

/** Reads `exp` of the JWT that a session token is. A token that says nothing counts as stale: Persona is asked. */
function isFresh(token: string, nowMs: number): boolean {
  try {
    const payload = JSON.parse(new TextDecoder().decode(fromBase64(token.split('.')[1] ?? '')))
    return (
      isJsonObject(payload) && typeof payload.exp === 'number' && payload.exp - EXPIRY_MARGIN_SECONDS > nowMs / 1000
    )
  } catch {
    return false
  }
}

function toContext(caseId: string): string {
  return `${caseId}.session_token`
}
