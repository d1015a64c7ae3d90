import { createFakePersona, type WebhookSubscription } from '@persona-kyc/testing'
import { describe, expect, it } from 'vitest'
import { createPersonaClient } from '../src/client.js'
import { type ExpectedWebhook, REQUIRED_EVENTS } from '../src/webhook-drift.js'
import { createTestEngine } from './test-engine.js'

const URL_OF_APP = 'https://app.example/webhooks/persona/inquiry'

function check(subscription: Partial<WebhookSubscription> | undefined, expected: Partial<ExpectedWebhook> = {}) {
  const webhook = subscription && { url: URL_OF_APP, secrets: 'wbhsec_canary', ...subscription }
  const fake = createFakePersona(webhook === undefined ? {} : { webhook })
  const persona = createPersonaClient({ apiKey: fake.apiKey, fetch: fake.fetch })
  return createTestEngine({ persona }).engine.checkWebhook({ url: URL_OF_APP, ...expected })
}

describe('checkWebhook', () => {
  it.each<[string, Partial<WebhookSubscription>, Partial<ExpectedWebhook>]>([
    ['all events', {}, {}],
    ['the required ones', { enabledEvents: [...REQUIRED_EVENTS, 'account.created'] }, {}],
    ['the form that the app names', { inflection: 'camel' }, { inflection: 'camel', apiVersion: '2025-12-08' }],
    ['a URL spelled otherwise', { url: 'HTTPS://APP.example/webhooks/persona/inquiry/' }, {}],
    [
      'fewer events, if the app needs no more',
      { enabledEvents: ['inquiry.approved'] },
      { events: ['inquiry.approved'] },
    ],
  ])('finds nothing wrong with %s', async (_, subscription, expected) => {
    const drift = await check(subscription, expected)
    expect(drift).toEqual({ webhookId: expect.stringMatching(/^wbh_/), differences: [] })
  })

  it.each<[string, Partial<WebhookSubscription> | undefined, Partial<ExpectedWebhook>, object]>([
    ['no webhook', undefined, {}, { setting: 'url', expected: URL_OF_APP, actual: 'none' }],
    ['one of another URL', { url: 'https://app.example/else' }, {}, { setting: 'url', actual: 'none' }],
    ['a disabled one', { status: 'disabled' }, {}, { setting: 'status', expected: 'enabled', actual: 'disabled' }],
    [
      'a missing event',
      { enabledEvents: REQUIRED_EVENTS.slice(1) },
      {},
      { setting: 'events', fix: 'Enable inquiry.started.' },
    ],
    [
      'another version',
      { apiVersion: '2023-01-05' },
      { apiVersion: '2025-12-08' },
      { setting: 'api_version', actual: '2023-01-05' },
    ],
    [
      'another inflection',
      { inflection: 'snake' },
      { inflection: 'kebab' },
      { setting: 'inflection', actual: 'snake' },
    ],
  ])('tells of %s', async (_, subscription, expected, difference) => {
    const drift = await check(subscription, expected)
    expect(drift.differences).toMatchObject([difference])
    expect(drift.differences[0]?.fix).toMatch(/\.$/)
    expect(JSON.stringify(drift)).not.toContain('canary')
  })
})
