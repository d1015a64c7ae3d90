import type { WebhookSubscription } from './delivery.js'
import { requireKnownParameters, toPage } from './pages.js'
import { toNotFound } from './rejection.js'
import type { Answer, ApiRequest, Route } from './routes.js'

/** The subscription, and what Persona gave it. */
export interface SubscribedWebhook {
  readonly id: string
  readonly createdAt: string
  readonly subscription: WebhookSubscription
}

/** Returns the operations under `/webhooks`, on the one webhook that the fake may have. */
export function createWebhookRoutes(find: () => SubscribedWebhook | undefined): Route[] {
  return [
    { method: 'GET', path: '/webhooks', handle: (request) => listWebhooks(find(), request) },
    { method: 'GET', path: '/webhooks/{id}', handle: (_, id) => answerWebhook(find(), id) },
  ]
}

function listWebhooks(webhook: SubscribedWebhook | undefined, { path, query }: ApiRequest): Answer {
  requireKnownParameters(query, [])
  const items = webhook === undefined ? [] : [toResource(webhook)]
  return { status: 200, body: toPage(items, { path, query, matches: () => true }) }
}

/** Unlike the list, this tells the secrets. */
function answerWebhook(webhook: SubscribedWebhook | undefined, id: string): Answer {
  if (webhook === undefined || webhook.id !== id) throw toNotFound()
  const { attributes, ...resource } = toResource(webhook)
  const secrets = [webhook.subscription.secrets].flat().map((value) => ({ value, 'expires-at': null }))
  const data = { ...resource, attributes: { ...attributes, secret: secrets[0]?.value ?? '', secrets } }
  return { status: 200, body: { data, included: [] } }
}

function toResource({ id, createdAt, subscription }: SubscribedWebhook) {
  const { url, enabledEvents = ['*'], inflection = 'kebab', status = 'enabled' } = subscription
  const attributes = {
    status,
    url,
    name: 'Fake',
    'api-version': subscription.apiVersion ?? '2025-12-08',
    'api-key-inflection': inflection,
    'api-attributes-blocklist': [],
    'file-access-token-expires-in': 21_600,
    'enabled-events': [...enabledEvents],
    'payload-filter': null,
    'relationship-allowlist': { state: 'include_all' },
    'created-at': createdAt,
  }
  return { type: 'webhook' as const, id, attributes }
}
