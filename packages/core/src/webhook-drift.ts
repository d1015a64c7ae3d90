import type { PersonaClient } from './client.js'
import type { InquiryEventName } from './events.js'
import type { PersonaWebhook } from './webhooks.js'

/** The webhook that the app relies on. */
export interface ExpectedWebhook {
  /** Where the app takes webhooks from, as the world sees it. */
  readonly url: string
  /** The events that must be enabled. Default: {@link REQUIRED_EVENTS}. */
  readonly events?: readonly string[] | undefined
  /** Default: any, for the library reads them all. */
  readonly apiVersion?: string | undefined
  /** `camel`, `kebab` or `snake`. Default: any, for the library reads them all. */
  readonly inflection?: string | undefined
}

/** One thing that is not as the app expects it. Names and settings only, never a secret. */
export interface WebhookDifference {
  readonly setting: 'url' | 'status' | 'events' | 'api_version' | 'inflection'
  readonly expected: string
  readonly actual: string
  readonly fix: string
}

/** How the webhook at Persona compares with what the app expects. */
export interface WebhookDrift {
  /** The webhook that was compared; null where Persona has none for this URL. */
  readonly webhookId: string | null
  /** Empty when all is as expected. */
  readonly differences: readonly WebhookDifference[]
}

/** The events without which a case would not move. */
export const REQUIRED_EVENTS: readonly InquiryEventName[] = [
  'inquiry.started',
  'inquiry.completed',
  'inquiry.failed',
  'inquiry.expired',
  'inquiry.marked-for-review',
  'inquiry.approved',
  'inquiry.declined',
]

/**
 * Compares the webhook configured at Persona with what the app expects. Rejects with PersonaApiError, `persona_forbidden`
 * where the API key may not read webhooks.
 */
export async function checkWebhook(persona: PersonaClient, expected: ExpectedWebhook): Promise<WebhookDrift> {
  const candidates: PersonaWebhook[] = []
  for await (const webhook of persona.webhooks.list()) {
    if (toCanonicalUrl(webhook.attributes.url) === toCanonicalUrl(expected.url)) candidates.push(webhook)
  }
  const drifts = candidates.map((webhook) => compare(webhook, expected))
  const [best] = drifts.sort((left, right) => left.differences.length - right.differences.length)
  return best ?? { webhookId: null, differences: [toMissing(expected)] }
}

function compare({ id, attributes }: PersonaWebhook, expected: ExpectedWebhook): WebhookDrift {
  const { events = REQUIRED_EVENTS, apiVersion, inflection } = expected
  const missing = attributes.enabledEvents.includes('*')
    ? []
    : events.filter((name) => !attributes.enabledEvents.includes(name))
  return {
    webhookId: id,
    differences: [
      ...differ(
        'status',
        'enabled',
        attributes.status,
        'Enable the webhook: events of the meantime are not sent again.',
      ),
      ...(missing.length === 0
        ? []
        : [
            {
              setting: 'events',
              expected: events.join(' '),
              actual: attributes.enabledEvents.join(' '),
              fix: `Enable ${missing.join(', ')}.`,
            } as const,
          ]),
      ...differ('api_version', apiVersion, attributes.apiVersion, 'Set the API version of the webhook.'),
      ...differ('inflection', inflection, attributes.apiKeyInflection, 'Set the key inflection of the webhook.'),
    ],
  }
}

function differ(
  setting: WebhookDifference['setting'],
  expected: string | undefined,
  actual: string | null,
  fix: string,
): WebhookDifference[] {
  return expected === undefined || expected === actual ? [] : [{ setting, expected, actual: actual ?? 'none', fix }]
}

function toMissing({ url }: ExpectedWebhook): WebhookDifference {
  return {
    setting: 'url',
    expected: url,
    actual: 'none',
    fix: 'Add the webhook in the Persona dashboard, in the environment of this API key: Developers, Webhooks.',
  }
}

/** Host and scheme mean the same in either case, and a path the same with or without a slash at its end. */
function toCanonicalUrl(url: string): string {
  return URL.canParse(url) ? new URL(url).href.replace(/\/$/, '') : url
}
