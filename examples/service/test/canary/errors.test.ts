import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findCanaries } from './canaries.js'
import { controlDeadlines } from './deadlines.js'
import { type FailingCall, toFailure } from './failing-call.js'
import { captureOutput, type OutputCapture } from './output-capture.js'
import { FAILING_CALLS } from './provocations.js'
import { toVisibleText } from './visible-text.js'

function toTitle({ code, errorName, reason, name }: FailingCall): string {
  return `${[code ?? errorName, reason].filter((word) => word !== undefined).join(' ')}: ${name}`
}

describe('an error', () => {
  let output: OutputCapture
  let endControl: () => void
  beforeEach(() => {
    output = captureOutput(toVisibleText)
    endControl = controlDeadlines()
  })
  afterEach(() => {
    endControl()
    output.end()
  })

  it.each(FAILING_CALLS.map((call) => [toTitle(call), call] as const))('shows no canary: %s', async (_, failing) => {
    const { code, errorName = 'KycError', reason } = failing
    const error = await toFailure(failing)
    expect(error).toMatchObject({ name: errorName, ...(code && { code }), ...(reason && { reason }) })
    expect(findCanaries(toVisibleText(error))).toEqual([])
    expect(findCanaries([...output.console, ...output.stdout, ...output.stderr].join('\n'))).toEqual([])
  })
})
