import type { PersonaErrorCode } from '@persona-kyc/core'
import { CANARIES } from './canaries.js'
import type { World } from './canary-world.js'
import type { PersonaEnd } from './echoing-persona.js'
import type { Provocation } from './provocation.js'

/** How Persona fails: the code of the error, and that of the answer. */
export const FAILURES: readonly (readonly [PersonaEnd, PersonaErrorCode, string])[] = [
  [401, 'persona_unauthorized', 'persona_refused'],
  [403, 'persona_forbidden', 'persona_refused'],
  [404, 'persona_not_found', 'persona_refused'],
  [422, 'persona_request_rejected', 'persona_refused'],
  [429, 'persona_rate_limited', 'persona_rate_limited'],
  [500, 'persona_server_error', 'persona_unavailable'],
  [302, 'persona_unexpected_answer', 'persona_unavailable'],
  ['page', 'persona_unexpected_answer', 'persona_unavailable'],
  ['other shape', 'persona_unexpected_answer', 'persona_unavailable'],
  ['broken', 'persona_unreachable', 'persona_unavailable'],
  ['hanging', 'persona_timeout', 'persona_unavailable'],
]

async function decide({ ask, createCase, persona }: World, end: PersonaEnd) {
  const { caseId } = await createCase()
  persona.failNext(end)
  return ask('POST', `/compliance/kyc/${caseId}/approve`, { body: { comment: CANARIES.comment } })
}

/** How calls to Persona fail that carry personal data. */
export const PERSONA_PROVOCATIONS: readonly Provocation[] = [
  ...FAILURES.flatMap(([end, error, code]): Provocation[] => [
    {
      code,
      name: `a start, with ${end} from Persona`,
      error,
      async play({ initiate, persona }) {
        persona.failNext(end)
        return initiate()
      },
    },
    { code, name: `a decision, with ${end} from Persona`, error, play: (world) => decide(world, end) },
  ]),
  {
    code: 'persona_conflict',
    name: 'a decision, with 409 from Persona',
    error: 'persona_conflict',
    play: (world) => decide(world, 409),
  },
]
