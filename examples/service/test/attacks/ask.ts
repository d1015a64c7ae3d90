import type { Socket } from 'node:net'
import { connectRaw, type RawClient } from '../../../../test-setup/raw-client.js'
import { type Answer, parseAnswers } from './answers.js'
import { findFormFaults } from './attack-checks.js'
import { SECRETS, type Stage } from './attack-stage.js'
import { type HeaderLine, toRequestBytes } from './request-draft.js'

/** A request as these tests write it. */
export interface Question {
  readonly method?: string
  readonly path: string
  readonly headers?: readonly HeaderLine[]
  readonly body?: Buffer | string
}

export const CASES = '/compliance/kyc'
export const WEBHOOK = '/webhooks/persona/inquiry'
export const HEALTH = '/webhooks/persona/health'

/** The header of somebody who may do everything, and of a user. */
export const OPERATOR: HeaderLine = ['Authorization', `Bearer ${SECRETS.operator}`]
export const USER_TOKEN: HeaderLine = ['Authorization', `Bearer ${SECRETS.user}`]

/** Returns the bytes of a request. */
export function toQuestionBytes({ method = 'GET', path, headers = [], body }: Question): Buffer {
  const bytes = body === undefined ? null : Buffer.from(body)
  const framing: readonly HeaderLine[] =
    bytes === null
      ? []
      : [
          ['Content-Type', 'application/json'],
          ['Content-Length', String(bytes.length)],
        ]
  const all: readonly HeaderLine[] = [['Host', 'localhost'], ...framing, ...headers]
  return toRequestBytes({ method, target: path, version: 'HTTP/1.1', headers: all, body: bytes })
}

/** Sends one request, and resolves with its answer. Rejects where that is not of our form. */
export async function ask(server: { readonly port: number }, question: Question): Promise<Answer> {
  return askBy(await connectRaw(server.port), question)
}

/** The same by a client that is there already. */
export async function askBy(client: Pick<RawClient, 'send' | 'closed'>, question: Question): Promise<Answer> {
  client.send(toQuestionBytes({ ...question, headers: [...(question.headers ?? []), ['Connection', 'close']] }))
  const [answer, ...others] = parseAnswers(await client.closed)
  if (answer === undefined || others.length > 0) throw new Error(`${others.length} further answers to one request`)
  const faults = findFormFaults(answer).filter((fault) => fault !== `an unknown header ${HSTS}`)
  if (faults.length > 0) throw new Error(faults.join())
  return answer
}

/** The header that keeps browsers to HTTPS. */
export const HSTS = 'strict-transport-security'

/** The `code` of a problem, and its status. */
export function toProblem({ status, body }: Answer): string {
  return `${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`.trim()
}

/** An initiation by the operator, or by whose token is given. */
export function toInitiation(userId: string, headers: readonly HeaderLine[] = [OPERATOR]): Question {
  return {
    method: 'POST',
    path: CASES,
    headers,
    body: JSON.stringify({ user_id: userId, document_type: 'passport' }),
  }
}

/** A webhook, signed as Persona would, or with another secret. */
export function toWebhook(
  stage: Stage,
  event: unknown,
  { secret, headers = [] }: { readonly secret?: string; readonly headers?: readonly HeaderLine[] } = {},
): Question {
  const body = Buffer.from(JSON.stringify(event))
  const signature = stage.sign(body, secret === undefined ? {} : { secret })
  return { method: 'POST', path: WEBHOOK, headers: [['Persona-Signature', signature], ...headers], body }
}

/** Reads a socket to its end, as a client that sends and hears. */
export function toClient(socket: Socket): Pick<RawClient, 'send' | 'closed'> {
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  return {
    send: (bytes) => void socket.write(bytes),
    closed: new Promise((resolve, reject) => {
      socket.on('close', () => resolve(text)).on('error', reject)
    }),
  }
}
