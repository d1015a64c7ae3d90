import { checkWebhook, type ExpectedWebhook, type WebhookDrift } from '@persona-kyc/core'
import { defineCommand } from 'citty'
import { createEnvironmentClient } from './environment.js'
import { UsageError } from './usage.js'

export const checkWebhookCommand = defineCommand({
  meta: { name: 'check-webhook', description: 'Compares the webhook at Persona with what the app expects' },
  args: {
    url: {
      type: 'string',
      description: 'Where the app takes webhooks from (default: KYC_WEBHOOK_URL)',
      valueHint: 'URL',
    },
    'api-version': { type: 'string', description: 'The API version it should have (default: any)', valueHint: 'DATE' },
    inflection: { type: 'string', description: 'camel, kebab or snake (default: any)', valueHint: 'NAME' },
  },
  async run({ args }) {
    const url = args.url ?? process.env.KYC_WEBHOOK_URL
    if (!url || !URL.canParse(url)) {
      throw new UsageError('Say where webhooks go: --url https://api.example.com/webhooks/persona/inquiry')
    }
    const expected: ExpectedWebhook = { url, apiVersion: args['api-version'], inflection: args.inflection }
    const drift = await checkWebhook(createEnvironmentClient(process.env), expected)
    for (const line of toDriftLines(drift)) console.log(line)
    return drift.differences.length === 0 ? 0 : 1
  },
})

/** One line for each difference, with how to mend it. */
export function toDriftLines({ webhookId, differences }: WebhookDrift): string[] {
  if (differences.length === 0) return [`${webhookId} is as the app expects it.`]
  return differences.map(
    ({ setting, expected, actual, fix }) =>
      `${webhookId ?? 'no webhook'}  ${setting}: expected ${expected}, found ${actual}. ${fix}`,
  )
}
