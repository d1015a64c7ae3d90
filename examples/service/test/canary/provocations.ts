import { CASE_PROVOCATIONS } from './case-provocations.js'
import { CHAIN_CALLS } from './chain-calls.js'
import { CLIENT_CALLS } from './client-calls.js'
import { CONFIGURATION_CALLS } from './configuration-calls.js'
import { ENGINE_CALLS } from './engine-calls.js'
import type { FailingCall } from './failing-call.js'
import { PERSONA_PROVOCATIONS } from './persona-provocations.js'
import type { Provocation } from './provocation.js'
import { REQUEST_PROVOCATIONS } from './request-provocations.js'
import { WEBHOOK_PROVOCATIONS } from './webhook-provocations.js'

/** Each way to an error answer, but for those that need a database. */
export const PROVOCATIONS: readonly Provocation[] = [
  ...CASE_PROVOCATIONS,
  ...PERSONA_PROVOCATIONS,
  ...REQUEST_PROVOCATIONS,
  ...WEBHOOK_PROVOCATIONS,
]

/** Each call that fails, but for those that need a database. */
export const FAILING_CALLS: readonly FailingCall[] = [
  ...CHAIN_CALLS,
  ...CLIENT_CALLS,
  ...CONFIGURATION_CALLS,
  ...ENGINE_CALLS,
]
