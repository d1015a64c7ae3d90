import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ClaimErrorCode, KycError, type KycErrorCode } from '../src/errors.js'
import { toProblemAnswer } from '../src/problem.js'
import { listProblems } from '../src/problem-codes.js'
import { ROUTES } from '../src/routes.js'

const KNOWN = new Set(ROUTES.flatMap(listProblems).map(({ status, code }) => `${status} ${code}`))

/** Every code that the routes may meet: the compiler finds one that is missing here. */
const CODES: Readonly<Record<Exclude<KycErrorCode, ClaimErrorCode>, true>> = {
  configuration_invalid: true,
  argument_invalid: true,
  signature_invalid: true,
  secrets_unavailable: true,
  authorization_unavailable: true,
  event_malformed: true,
  body_too_large: true,
  raw_body_unavailable: true,
  storage_unavailable: true,
  storage_failed: true,
  case_not_found: true,
  case_not_verified: true,
  case_not_resumable: true,
  case_erased: true,
  case_without_inquiry: true,
  claim_conflict: true,
  initiation_in_progress: true,
  persona_unreachable: true,
  persona_timeout: true,
  persona_unauthorized: true,
  persona_forbidden: true,
  persona_not_found: true,
  persona_conflict: true,
  persona_request_rejected: true,
  persona_rate_limited: true,
  persona_server_error: true,
  persona_unexpected_answer: true,
}

describe('the problems of a route', () => {
  it('are one or more for each status that it has', () => {
    for (const route of ROUTES) {
      const statuses = listProblems(route).map(({ status }) => status)
      expect(statuses).toEqual(expect.arrayContaining([...route.problems]))
    }
  })

  it.each(Object.keys(CODES) as (keyof typeof CODES)[])('include what becomes of %s', (code) => {
    const { status, body } = toProblemAnswer(new KycError(code, { problem: 'p', fix: 'f' }))
    expect(KNOWN).toContain(`${status} ${JSON.parse(body ?? '').code}`)
  })

  it('include every HttpError of the sources, but those of no route', () => {
    const folder = new URL('../src/', import.meta.url)
    const sources = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'))
    const thrown = sources.flatMap((source) => [...source.matchAll(/new HttpError\((\d+), '(\w+)'/g)])
    const unknown = thrown.map(([, status, code]) => `${status} ${code}`).filter((problem) => !KNOWN.has(problem))
    expect(thrown.length).toBeGreaterThan(10)
    expect(new Set(unknown)).toEqual(new Set(['404 not_found', '405 method_not_allowed']))
  })
})
