import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPersonaClient } from '@persona-kyc/core'
import type { FakePersonaServer } from '@persona-kyc/testing'
import { type Configuration, readConfiguration } from './configuration.js'
import type { Printer } from './printer.js'
import type { Service } from './service.js'

/** Where a demo's server is, and what it shares with it. */
export interface Stage {
  readonly url: string
  readonly apiToken: string
  readonly service: Service
  readonly persona: FakePersonaServer
  readonly printer: Printer
}

/** Returns a demo's own settings, whatever the environment holds: nobody's database is touched. */
export function createStageConfiguration(port: string | undefined): Configuration {
  return readConfiguration({
    COMPLIANCE_API_TOKEN: randomBytes(24).toString('hex'),
    KYC_ENCRYPTION_KEYS: `demo:${randomBytes(32).toString('base64')}`,
    LOG_LEVEL: 'silent',
    PORT: port,
  })
}

/** Resolves with the stage once the server listens, and the fake Persona knows where to deliver. */
export async function openStage(
  { port, host, webhookSecrets, apiToken }: Configuration,
  { server, service, printer }: { readonly server: Server; readonly service: Service; readonly printer: Printer },
): Promise<Stage> {
  server.listen(port, host)
  await once(server, 'listening')
  const url = `http://${host}:${(server.address() as AddressInfo).port}`
  const [webhookSecret = ''] = webhookSecrets
  if (service.fakePersona === null) throw new Error('The demo runs against the fake Persona only.')
  const stage = { url, apiToken, service, persona: service.fakePersona, printer }
  subscribe(stage, webhookSecret)
  return stage
}

/** Sends a request with the token of the compliance routes, and prints it with its answer. Rejects where that is an error. */
export async function callApi(
  { url, apiToken, printer }: Stage,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  printer.request(method, path, body)
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const json = (await response.json()) as Record<string, unknown>
  printer.answer(response.status, json)
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}.`)
  return json
}

/**
 * Has things happen to an inquiry at the fake Persona: see inquiries.performSimulateActions. Resolves when the signed
 * webhooks about them are delivered over HTTP.
 */
export async function simulate({ persona }: Stage, inquiryId: string, actions: readonly string[]): Promise<void> {
  const client = createPersonaClient({ apiKey: persona.fake.apiKey, baseUrl: persona.baseUrl })
  await client.inquiries.performSimulateActions(
    inquiryId,
    actions.map((type) => ({ type })),
  )
  await persona.fake.webhooks.deliverAll()
}

/** Each delivery is printed with its answer. */
function subscribe({ url, persona, printer }: Stage, webhookSecret: string): void {
  persona.fake.webhooks.subscribe({
    url: `${url}/webhooks/persona/inquiry`,
    secrets: webhookSecret,
    async fetch(request) {
      const { data } = (await request.clone().json()) as { data: { id: string; attributes: { name: string } } }
      const response = await fetch(request)
      const { outcome } = (await response.clone().json()) as { outcome: string }
      printer.webhook({
        name: data.attributes.name,
        eventId: data.id,
        signature: request.headers.get('persona-signature') ?? '',
        status: response.status,
        outcome,
      })
      return response
    },
  })
}
