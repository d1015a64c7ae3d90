import { type Authorization, type Authorize, forbidden, unauthenticated } from './authorize.js'
import { limitToClaimable } from './claimable-cases.js'
import type { KycEngine } from './engine.js'
import type { Logger } from './logger.js'
import type { Route, RouteAnswer, RouteContext } from './routes.js'

/** A route that fits a request; `caseId` is empty where its path names none. */
export interface Match {
  readonly route: Route
  readonly caseId: string
}

/** A route's handler that already has what its caller may use of the engine. */
type AdmittedHandler = (context: Omit<RouteContext, 'engine'>) => Promise<RouteAnswer>

/** Who calls, and which cases they may see. */
interface Caller {
  readonly principal: string
  readonly cases: 'all' | 'claimable'
}

/**
 * Asks `authorize`, and resolves with the route's handler for the cases that the caller may see: no request reaches a
 * handler another way. Rejects with a 401 or a 403; a 403 also where the route cannot keep to those cases.
 */
export async function admit(
  { engine, authorize, logger }: { engine: KycEngine; authorize: Authorize; logger: Logger },
  request: Request,
  { route, caseId }: Match,
): Promise<AdmittedHandler> {
  const { action } = route
  if (action === null) return (context) => route.handle({ ...context, engine })
  const verdict = await authorize({ request, action, caseId: caseId === '' ? null : caseId })
  const caller = toCaller(verdict)
  const handler = caller === null ? null : toHandler(route, engine, caller)
  if (caller !== null && handler !== null) {
    logger.debug({ action, principal: caller.principal }, 'request authorized')
    return handler
  }
  const isForbidden = caller !== null || verdict === 'forbidden'
  logger.warn({ action, verdict: isForbidden ? 'forbidden' : 'unauthenticated' }, 'request refused')
  throw isForbidden ? forbidden() : unauthenticated()
}

/** Null for a refusal, and for whatever an app without types may have answered. */
function toCaller(verdict: Authorization): Caller | null {
  if (typeof verdict !== 'object' || verdict === null) return null
  const { principal, cases = 'all' } = verdict
  return typeof principal === 'string' && (cases === 'all' || cases === 'claimable') ? { principal, cases } : null
}

/** Null where the caller is limited, and the route does not say how it keeps to the limit. */
function toHandler(route: Route, engine: KycEngine, { cases }: Caller): AdmittedHandler | null {
  if (cases === 'all') return (context) => route.handle({ ...context, engine })
  if (route.keepsTo !== 'claimable') return null
  const limited = limitToClaimable(engine)
  return (context) => route.handle({ ...context, engine: limited })
}
