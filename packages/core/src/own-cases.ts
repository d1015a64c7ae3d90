import { forbidden } from './authorize.js'
import { caseNotFound, type KycCaseView } from './case-view.js'
import type { KycEngine } from './engine.js'

/** What of the engine a caller is given who may see the cases of one user only. */
export type OwnEngine = Pick<KycEngine, 'initiateKyc' | 'getCase' | 'resumeCase'>

/**
 * Returns the engine for a caller who may see the cases of one user only. Any other case is as if it did not exist; a
 * verification of somebody else is refused with 403.
 */
export function limitToOwn(engine: OwnEngine, userId: string): OwnEngine {
  const requireOwn = (kycCase: KycCaseView) => {
    if (isOwn(kycCase, userId)) return kycCase
    throw caseNotFound()
  }
  const getCase = async (caseId: string) => requireOwn(await engine.getCase(caseId))
  return {
    getCase,
    async initiateKyc(options) {
      if (options.userId !== userId) throw forbidden()
      return engine.initiateKyc(options)
    },
    async resumeCase(caseId) {
      // Whose a case is never changes: what is seen here holds for what follows.
      await getCase(caseId)
      return engine.resumeCase(caseId)
    },
  }
}

/** True for a case of that user. */
export function isOwn(kycCase: KycCaseView, userId: string): boolean {
  return kycCase.userId === userId
}
