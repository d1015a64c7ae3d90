import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ApiDescription } from '../../../test-setup/openapi/api-description.js'
import { sendRequests } from './openapi/request-series.js'
import { readServedDescription, startTargetServers, type TargetServers } from './openapi/target-servers.js'

const { OPENAPI_REQUESTS, OPENAPI_SEED } = process.env

const requests = Number(OPENAPI_REQUESTS ?? 10_000)
const seed = Number(OPENAPI_SEED ?? 20_261_127)

let servers: TargetServers
let description: ApiDescription

beforeAll(async () => {
  servers = await startTargetServers()
  description = await readServedDescription(servers)
})

afterAll(() => servers.close())

it(`answers ${requests} generated requests as described`, { timeout: 3_600_000 }, async () => {
  process.stdout.write(`OPENAPI_SEED=${seed} OPENAPI_REQUESTS=${requests}\n`)
  const startedAt = performance.now()
  const { sent, answers } = await sendRequests(description, servers, { requests, seed })
  process.stdout.write(`${sent} requests in ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`)
  expect(sent).toBeGreaterThanOrEqual(requests)
  expect(listUntried(description, answers)).toEqual([])
})

/** Of each operation, the answers that no series may fail to bring about: else nothing was tested. */
function listUntried({ operations }: ApiDescription, answers: ReadonlyMap<string, number>): string[] {
  const wanted = operations.flatMap(({ id, path, body, parameters, isGuarded }) => [
    `${id} 200`,
    ...(body !== null || parameters.some((parameter) => parameter.in === 'query') ? [`${id} 400`] : []),
    ...(isGuarded ? [`${id} 401`, `${id} 403`] : []),
    ...(path.includes('{') ? [`${id} 404`] : []),
    ...(isGuarded && body !== null ? [`${id} 413`, `${id} 415`] : []),
  ])
  const others = [
    'none 404',
    'none 405',
    'post-compliance-kyc 201',
    'post-compliance-kyc-case-id-approve 409',
    'post-compliance-kyc-case-id-resume 409',
    'put-compliance-kyc-case-id-claim 409',
  ]
  return [...wanted, ...others].filter((answer) => !answers.has(answer))
}
