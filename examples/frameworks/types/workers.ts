import type { KycHandler } from '@persona-kyc/core'
import forwarder from '../src/edge-forwarder.js'
import honoWorker from '../src/hono-workerd.js'
import worker from '../src/worker.js'

interface Env {
  readonly PERSONA_API_KEY: string
  readonly PERSONA_TEMPLATE_ID: string
  readonly PERSONA_WEBHOOK_SECRET: string
  readonly COMPLIANCE_API_TOKEN: string
  readonly ORIGIN_URL: string
}

declare const handler: KycHandler

worker satisfies ExportedHandler<Env>
honoWorker satisfies ExportedHandler<Env>
forwarder satisfies ExportedHandler<Env>
handler satisfies ExportedHandler<Env>
handler.fetch satisfies ExportedHandlerFetchHandler<Env>

// @ts-expect-error: it resolves with null for paths of others, and what the runtime passes second is no hint.
handler.handle satisfies ExportedHandlerFetchHandler<Env>
// @ts-expect-error: these are the types of Workers, not those of a browser.
document
