import type { AuditEntry } from './audit-storage.js'
import { type Authorization, forbidden, readBearerToken, unauthenticated } from './authorize.js'
import { isCallerName } from './caller-name.js'
import { caseNotFound } from './case-view.js'
import { isClaimable, isClaimableList, limitToClaimable } from './claimable-cases.js'
import type { KycEngine } from './engine.js'
import type { HandlerContext } from './handler-options.js'
import type { Incoming } from './incoming.js'
import { toLogFields } from './logger.js'
import { isOwn, limitToOwn } from './own-cases.js'
import type { RouteAnswer, RouteContext } from './routes.js'

/** A route's handler that already has the request, and what its caller may use of the engine. */
type AdmittedHandler = (query: RouteContext['query'], body: Uint8Array) => Promise<RouteAnswer>

/** Who calls, and which cases they may see. */
type Caller =
  | { readonly principal: string | null; readonly cases: 'all' | 'claimable' | 'none' }
  | { readonly principal: string; readonly cases: 'own'; readonly userId: string }

/** The way to the route, and who goes it; nobody has a name on the routes that are open. */
interface Admission {
  readonly handle: AdmittedHandler
  readonly caller: { readonly principal: string | null; readonly userId: string | null }
}

const NOBODY = { principal: null, userId: null }

/** The form of the ids that the engine makes. */
const CASE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Asks `authorize`, writes its answer into the audit trail, and resolves with the route's handler for the cases that the
 * caller may see: no request reaches a handler another way. Rejects with a 401, a 403, or a 404 for a case that the
 * caller may not see.
 */
export async function admit(context: HandlerContext, incoming: Incoming): Promise<Admission> {
  const { route } = incoming
  if (route.action === null) return { handle: toFullHandler(context.engine, incoming, true), caller: NOBODY }
  if (route.isOpen === true) return admitStranger(context, incoming)
  const caller = await askCaller(context, incoming)
  if (caller === null) {
    report(context, incoming, { principal: null, verdict: 'unauthenticated' })
    throw unauthenticated()
  }
  const verdict = await judge(caller, incoming)
  await audit(context, incoming, { caller, verdict })
  report(context, incoming, { principal: caller.principal, verdict })
  if (verdict === 'forbidden') throw forbidden()
  if (verdict === 'hidden') throw caseNotFound()
  const userId = caller.cases === 'own' ? caller.userId : null
  return {
    handle: await toLimitedHandler(context.engine, incoming, caller),
    caller: { principal: caller.principal, userId },
  }
}

/** Who is not known, or may not know, is answered too, and told less. Nothing of it is about a case: no entry is made. */
async function admitStranger(context: HandlerContext, incoming: Incoming): Promise<Admission> {
  const caller = await askCaller(context, incoming).catch((error: unknown) => {
    context.logger.error({ action: incoming.route.action, ...toLogFields(error) }, 'authorize failed')
    return null
  })
  const isAdmitted = caller?.cases === 'all'
  return { handle: toFullHandler(context.engine, incoming, isAdmitted), caller: NOBODY }
}

async function askCaller({ authorize }: HandlerContext, incoming: Incoming): Promise<Caller | null> {
  const { request, route, caseId, findUserId } = incoming
  if (route.action === null) return null
  const answer = await authorize({
    get request() {
      return request.toRequest()
    },
    token: readBearerToken(request.headers.get('authorization')),
    action: route.action,
    caseId: caseId === '' ? null : caseId,
    findUserId,
  })
  return toCaller(answer)
}

/** Null for a caller that nobody knows, and for whatever an app without types may have answered. */
function toCaller(answer: Authorization): Caller | null {
  if (answer === 'forbidden') return { principal: null, cases: 'none' }
  if (typeof answer !== 'object' || answer === null) return null
  const { principal, cases = 'all' } = answer
  if (!isCallerName(principal)) return null
  if (cases === 'own')
    return 'userId' in answer && isCallerName(answer.userId) ? { principal, cases, userId: answer.userId } : null
  return cases === 'all' || cases === 'claimable' || cases === 'none' ? { principal, cases } : null
}

async function judge(caller: Caller, incoming: Incoming): Promise<AuditEntry['verdict']> {
  const { keepsTo } = incoming.route
  if (caller.cases === 'all') return 'allowed'
  if (caller.cases === 'none' || (keepsTo !== caller.cases && keepsTo !== 'either')) return 'forbidden'
  if (incoming.caseId !== '') return (await isVisible(caller, incoming)) ? 'allowed' : 'hidden'
  const isWithin =
    caller.cases === 'own' ? (await incoming.findUserId()) === caller.userId : isClaimableList(incoming.readQuery())
  return isWithin ? 'allowed' : 'forbidden'
}

async function isVisible(caller: Caller, { findCase }: Incoming): Promise<boolean> {
  const kycCase = await findCase()
  if (kycCase === null) return false
  return caller.cases === 'own' ? isOwn(kycCase, caller.userId) : isClaimable(kycCase)
}

/** The route's handler, with the engine that keeps to the caller's cases also should they change meanwhile. */
async function toLimitedHandler(engine: KycEngine, incoming: Incoming, caller: Caller): Promise<AdmittedHandler> {
  const { route, request, caseId } = incoming
  if (caller.cases === 'all') return toFullHandler(engine, incoming, true)
  if (route.keepsTo === 'either') {
    // Read once, so that it cannot become another between the check and the answer.
    const found = await incoming.findCase()
    const { getCase } = limit({ ...engine, getCase: async () => found ?? Promise.reject(caseNotFound()) }, caller)
    return (query, body) => route.handle({ request, caseId, query, body, engine: { getCase }, isAdmitted: true })
  }
  if (caller.cases === 'own' && route.keepsTo === 'own') {
    const own = limitToOwn(engine, caller.userId)
    return (query, body) => route.handle({ request, caseId, query, body, engine: own, isAdmitted: true })
  }
  if (caller.cases === 'claimable' && route.keepsTo === 'claimable') {
    const claimable = limitToClaimable(engine)
    return (query, body) => route.handle({ request, caseId, query, body, engine: claimable, isAdmitted: true })
  }
  throw forbidden()
}

function limit(engine: KycEngine, caller: Caller): Pick<KycEngine, 'getCase'> {
  return caller.cases === 'own' ? limitToOwn(engine, caller.userId) : limitToClaimable(engine)
}

function toFullHandler(engine: KycEngine, incoming: Incoming, isAdmitted: boolean): AdmittedHandler {
  const { route, request, caseId } = incoming
  return (query, body) => route.handle({ request, caseId, query, body, engine, isAdmitted })
}

function audit(
  { engine }: HandlerContext,
  { route, caseId }: Incoming,
  { caller, verdict }: { caller: Caller; verdict: AuditEntry['verdict'] },
): Promise<void> {
  return engine.recordAccess({
    principal: caller.principal,
    action: route.action ?? '',
    route: `${route.method} ${route.path}`,
    verdict,
    // Whatever else a caller may have written there.
    caseId: CASE_ID.test(caseId) ? caseId : null,
  })
}

function report(
  { logger }: HandlerContext,
  { route: { action } }: Incoming,
  { principal, verdict }: { principal: string | null; verdict: string },
): void {
  if (verdict === 'allowed') logger.debug({ action, principal }, 'request authorized')
  else logger.warn({ action, principal, verdict }, 'request refused')
}
