import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiAnswer, ApiDescription } from '../../../test-setup/openapi/api-description.js'
import type { ApiRequest } from './openapi/api-request.js'
import { sendRequests } from './openapi/request-series.js'
import { readServedDescription, startTargetServers, type TargetServers } from './openapi/target-servers.js'

/** Spoils an answer on its way to the tester; undefined leaves it as it is. */
type Mistake = (answer: ApiAnswer, request: ApiRequest) => Partial<ApiAnswer> | undefined

const CASE_PATH = /^\/compliance\/kyc\/[^/]+$/
const SESSION = { case_id: 'c', persona_inquiry_id: null, persona_session_token: null, status: 'pending' }

let servers: TargetServers
let description: ApiDescription

beforeAll(async () => {
  servers = await startTargetServers()
  description = await readServedDescription(servers)
})

afterAll(() => servers.close())

/** What the tester says of servers that make this mistake. */
async function findMistake(mistake: Mistake, isShrunk = false): Promise<Error> {
  const send = async (request: ApiRequest): Promise<ApiAnswer> => {
    const answer = await servers.send(request)
    return { ...answer, ...mistake(answer, request) }
  }
  const options = { requests: 4000, seed: 1, isShrunk }
  return sendRequests(description, { ...servers, send }, options).then(
    () => new Error('nothing was found'),
    (error: Error) => error,
  )
}

const isCase = ({ status, text }: ApiAnswer, { path }: ApiRequest) =>
  status === 200 && text.startsWith('{') && CASE_PATH.test(path)

describe('the tester', { timeout: 120_000 }, () => {
  it.each<[string, Mistake, RegExp]>([
    [
      'a member that is not described',
      (answer, request) =>
        isCase(answer, request) ? { text: JSON.stringify({ ...JSON.parse(answer.text), internal_id: 7 }) } : undefined,
      /must NOT have additional properties/,
    ],
    [
      'a member that is missing',
      (answer, request) =>
        isCase(answer, request)
          ? { text: JSON.stringify({ ...JSON.parse(answer.text), revision: undefined }) }
          : undefined,
      /must have required property 'revision'/,
    ],
    [
      'a value out of its bounds',
      (answer, request) =>
        isCase(answer, request)
          ? { text: JSON.stringify({ ...JSON.parse(answer.text), verification_score: 2 }) }
          : undefined,
      /\/verification_score must be <= 1/,
    ],
    [
      'a status that is not described',
      ({ status }) => (status === 201 ? { status: 202 } : undefined),
      /202: the status/,
    ],
    [
      'a code that the operation does not have',
      ({ status, text }) => (status === 404 ? { text: text.replace('case_not_found', 'not_found') } : undefined),
      /\/code must be equal to one of the allowed values/,
    ],
    [
      'a failure',
      ({ status }, { query }) => (status === 200 && query.length > 1 ? { status: 500 } : undefined),
      /makes the server fail/,
    ],
    [
      'a failure that only one odd text brings about',
      (_, { headers }) => (headers['idempotency-key']?.length === 255 ? { status: 500 } : undefined),
      /makes the server fail/,
    ],
    [
      'an answer of another type',
      ({ status, headers }) => (status === 409 ? { headers: { ...headers, 'content-type': 'text/html' } } : undefined),
      /the content type is not described/,
    ],
    ['no JSON', ({ status }) => (status === 200 ? { text: 'OK' } : undefined), /the body is not JSON/],
    [
      'an answer that may be cached',
      ({ status, headers }) => (status === 403 ? { headers: { ...headers, 'cache-control': 'public' } } : undefined),
      /the header Cache-Control must be equal to constant/,
    ],
    [
      'a header that is not described',
      ({ status, headers }) => (status === 415 ? { headers: { ...headers, 'set-cookie': 'a=b' } } : undefined),
      /the header set-cookie is not described/,
    ],
    ['a 401 that does not say how', without(401, 'www-authenticate'), /the header WWW-Authenticate is missing/],
    ['a 405 that does not say what else', without(405, 'allow'), /the header Allow is missing/],
    [
      'a 405 that says the wrong thing',
      ({ status, headers }) => (status === 405 ? { headers: { ...headers, allow: 'PATCH' } } : undefined),
      /Allow does not list/,
    ],
    [
      'an answer to HEAD with a body',
      (_, { method }) => (method === 'HEAD' ? { text: '{}' } : undefined),
      /HEAD has a body/,
    ],
    [
      'a caller that is let in without being known',
      ({ status }, { path }) => (status === 401 && path === '/compliance/kyc' ? accepted() : undefined),
      /nobody knows is not answered with 401/,
    ],
    [
      'a request that is let in though it is not as described',
      ({ status, text }, { method, path }) =>
        status === 400 && method === 'POST' && path === '/compliance/kyc' && text.includes('invalid_request')
          ? accepted()
          : undefined,
      /not as described is accepted/,
    ],
    [
      'a request that is refused though it is as described',
      ({ headers }, { query }) =>
        query.some(([name, value]) => name === 'limit' && value === '500') ? refused(headers) : undefined,
      /as described is refused/,
    ],
    [
      'a path that nobody has described',
      ({ status, headers }, { path }) =>
        status === 404 && path.endsWith('/more') ? { ...accepted(), headers } : undefined,
      /not described is answered/,
    ],
  ])('finds %s', async (_name, mistake, expected) => {
    const { cause } = await findMistake(mistake)
    expect(String(cause)).toMatch(expected)
  })

  it('says how to repeat what it found, and which request it was', async () => {
    const error = await findMistake(({ status }) => (status === 201 ? { status: 202 } : undefined), true)
    expect(error.message).toMatch(/seed: 1, path: "/)
    // The request at fault, and at most one after it, which is never sent.
    expect(error.message.match(/"operationId"/g)?.length).toBeLessThanOrEqual(2)
    expect(String(error.cause)).toMatch(/POST \/compliance\/kyc \(server [01]\)\n.*"user_id".*\n-> 202/s)
  })

  it('sends the same requests for the same seed', async () => {
    const listRequests = async () => {
      const sent: string[] = []
      const send = async (request: ApiRequest) => {
        sent.push(`${request.method} ${request.path.replaceAll(/[0-9a-f-]{36}/g, ':id')} ${request.body?.length}`)
        return servers.send(request)
      }
      await sendRequests(description, { ...servers, send }, { requests: 200, seed: 5 })
      return sent
    }
    expect(await listRequests()).toEqual(await listRequests())
  })
})

function without(status: number, header: string): Mistake {
  return (answer) => {
    const { [header]: _, ...headers } = answer.headers
    return answer.status === status ? { headers } : undefined
  }
}

function accepted(): Partial<ApiAnswer> {
  return { status: 201, text: JSON.stringify(SESSION), headers: JSON_HEADERS }
}

const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }

function refused(headers: ApiAnswer['headers']): Partial<ApiAnswer> {
  const problem = { type: 'about:blank', title: 'Bad Request', status: 400, code: 'invalid_request', detail: 'No.' }
  return {
    status: 400,
    text: JSON.stringify(problem),
    headers: { ...headers, 'content-type': 'application/problem+json' },
  }
}
