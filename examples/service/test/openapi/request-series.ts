import fc from 'fast-check'
import type { ApiAnswer, ApiDescription } from '../../../../test-setup/openapi/api-description.js'
import { findWrongs } from './answer-check.js'
import { type ApiRequest, type Credentials, toQueryText, toRequest } from './api-request.js'
import { createKnownValues } from './known-values.js'
import { createRequestPlans, type RequestPlan } from './request-plan.js'
import { createSchemaValues } from './schema-values.js'

/** What is under test. */
export interface Target {
  readonly credentials: Credentials
  /** Forgets all that was, so that each series of requests can be repeated by itself. */
  reset(): Promise<void>
  send(request: ApiRequest): Promise<ApiAnswer>
}

/** How much to send. */
export interface SeriesOptions {
  readonly requests: number
  readonly seed: number
  /** Whether to look for the shortest series that shows a wrong answer. Default: it is looked for. */
  readonly isShrunk?: boolean
}

/** What was sent, and how often each operation was answered with each status, by `<operation> <status>`. */
export interface SeriesReport {
  readonly sent: number
  readonly answers: ReadonlyMap<string, number>
}

const MAX_LENGTH = 60
const MEAN_LENGTH = 30

/**
 * Sends requests made of the description, in series that each start afresh, and holds every answer against it. Rejects
 * with the shortest series that shows a wrong answer; its cause says what is wrong.
 */
export async function sendRequests(
  description: ApiDescription,
  target: Target,
  { requests, seed, isShrunk = true }: SeriesOptions,
): Promise<SeriesReport> {
  const answers = new Map<string, number>()
  const plans = createRequestPlans(description, createSchemaValues(description))
  const series = fc.array(plans, { minLength: 1, maxLength: MAX_LENGTH, size: 'max' })
  let sent = 0
  const property = fc.asyncProperty(series, async (given) => {
    await target.reset()
    sent += given.length
    await sendSeries(description, target, given, answers)
  })
  for (let round = 0; sent < requests; round++) {
    const numRuns = Math.ceil((requests - sent) / MEAN_LENGTH)
    await fc.assert(property, { seed: seed + round, numRuns, endOnFailure: !isShrunk })
  }
  return { sent, answers }
}

async function sendSeries(
  description: ApiDescription,
  target: Target,
  plans: readonly RequestPlan[],
  answers: Map<string, number>,
): Promise<void> {
  const known = createKnownValues()
  for (const plan of plans) {
    const operation = description.operations.find(({ id }) => id === plan.operationId)
    if (operation === undefined) continue
    const request = await toRequest(plan, operation, { known, credentials: target.credentials })
    const answer = await target.send(request)
    const wrongs = findWrongs(description, plan, request, answer)
    if (wrongs.length > 0) throw new Error(toReport(request, answer, wrongs))
    const found = description.match(request.method, request.path)
    const key = `${found?.operation?.id ?? 'none'} ${answer.status}`
    answers.set(key, (answers.get(key) ?? 0) + 1)
    if (answer.status < 300 && answer.text.startsWith('{')) known.learn(JSON.parse(answer.text))
  }
}

function toReport(request: ApiRequest, answer: ApiAnswer, wrongs: readonly string[]): string {
  const body = request.body === null ? '' : new TextDecoder().decode(request.body.subarray(0, 500))
  return [
    ...wrongs,
    `${request.method} ${request.path}${toQueryText(request)} (server ${request.server})`,
    ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`),
    body,
    `-> ${answer.status} ${JSON.stringify(answer.headers)}`,
    answer.text.slice(0, 500),
  ].join('\n')
}
