import { createHmac, timingSafeEqual } from 'node:crypto'
import { verify as verifyOctokit } from '@octokit/webhooks-methods'
import { WebhookEventVerifier } from '@onfido/api'
import { createSignatureVerifier, parseEvent, signWebhook } from '@persona-kyc/core'
import { Webhook } from 'standardwebhooks'
import Stripe from 'stripe'
import { Webhook as SvixWebhook } from 'svix'
import type { Benchmark } from './benchmark.js'
import { createEventJson, SECRET } from './webhooks.js'

/*
 * The check of a signature and the reading of the event, of 4 KB, in one process: against what Node itself needs for it, and
 * against the libraries of others, each with the signature that it is made for. Who gives no event is given JSON.parse.
 */

const OTHER_SECRET = 'wbhsec_of_the_bench_before'
const TURN = 250
const MEASURE_MS = 1500

/** One delivery, checked and read. Throws, or rejects, where it is refused. */
type Work = () => unknown

const text = createEventJson()
const body = Buffer.from(text)
const nowSeconds = Math.floor(Date.now() / 1000)

/** What ours are held against: by name the least ratio, our work and theirs. */
export const signatureBenchmarks: readonly Benchmark[] = [
  toBenchmark('bare node:crypto and JSON.parse', 0.95, createOurs, createBare),
  toBenchmark('bare, two sets and two secrets', 0.7, createOursOfTwo, createBare),
  toBenchmark('stripe', 1, createOurs, createStripe),
  toBenchmark('standardwebhooks', 2, createOurs, createStandardWebhooks),
  toBenchmark('svix', 2, createOurs, createSvix),
  toBenchmark('@octokit/webhooks-methods', 0.95, createOurs, createOctokit),
  toBenchmark('@onfido/api', 0.95, createOurs, createOnfido),
]

function toBenchmark(
  other: string,
  bound: number,
  createOur: () => Promise<Work>,
  createTheir: () => Work | Promise<Work>,
): Benchmark {
  return {
    name: `signature and event, against ${other}`,
    bound,
    async start() {
      const [our, their] = [await createOur(), await createTheir()]
      await measure(our, their)
      return {
        measure: () => measure(our, their),
        async stop() {},
      }
    },
  }
}

/** Both in turns, so that what the machine does besides is done to both. */
async function measure(our: Work, their: Work) {
  let oursMs = 0
  let theirsMs = 0
  let count = 0
  while (oursMs + theirsMs < MEASURE_MS) {
    oursMs += await time(our)
    theirsMs += await time(their)
    count += TURN
  }
  return { ours: (count / oursMs) * 1000, theirs: (count / theirsMs) * 1000 }
}

async function time(work: Work): Promise<number> {
  const startedAt = performance.now()
  for (let index = 0; index < TURN; index++) await work()
  return performance.now() - startedAt
}

async function createOurs(): Promise<Work> {
  const verify = createSignatureVerifier({ secrets: SECRET })
  const signature = await signWebhook({ body, secrets: SECRET })
  return async () => {
    const { valid } = await verify({ body, signature })
    if (!valid) throw new Error('refused')
    return await parseEvent(body)
  }
}

async function createOursOfTwo(): Promise<Work> {
  const verify = createSignatureVerifier({ secrets: [SECRET, OTHER_SECRET] })
  const signature = await signWebhook({ body, secrets: [OTHER_SECRET, SECRET] })
  return async () => {
    const { valid } = await verify({ body, signature })
    if (!valid) throw new Error('refused')
    return await parseEvent(body)
  }
}

/** What nobody can do without: one HMAC, one comparison, one JSON.parse. */
function createBare(): Work {
  const prefix = `${nowSeconds}.`
  const signature = createHmac('sha256', SECRET).update(prefix).update(body).digest('hex')
  return async () => {
    const expected = createHmac('sha256', SECRET).update(prefix).update(body).digest()
    if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) throw new Error('refused')
    return JSON.parse(body.toString('utf8'))
  }
}

function createStripe(): Work {
  const { webhooks } = new Stripe('sk_test_bench')
  const header = webhooks.generateTestHeaderString({ payload: text, secret: SECRET })
  return async () => webhooks.constructEvent(body, header, SECRET)
}

function createStandardWebhooks(): Work {
  const webhook = new Webhook(Buffer.from(SECRET).toString('base64'))
  const headers = {
    'webhook-id': 'msg_bench',
    'webhook-timestamp': String(nowSeconds),
    'webhook-signature': webhook.sign('msg_bench', new Date(nowSeconds * 1000), text),
  }
  return async () => webhook.verify(body, headers)
}

function createSvix(): Work {
  const webhook = new SvixWebhook(Buffer.from(SECRET).toString('base64'))
  const headers = {
    'svix-id': 'msg_bench',
    'svix-timestamp': String(nowSeconds),
    'svix-signature': webhook.sign('msg_bench', new Date(nowSeconds * 1000), text),
  }
  return async () => webhook.verify(body, headers)
}

function createOctokit(): Work {
  const signature = `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`
  return async () => {
    // It takes no bytes.
    const payload = body.toString('utf8')
    if (!(await verifyOctokit(SECRET, payload, signature))) throw new Error('refused')
    return JSON.parse(payload)
  }
}

function createOnfido(): Work {
  const verifier = new WebhookEventVerifier(SECRET)
  const signature = createHmac('sha256', SECRET).update(body).digest('hex')
  return async () => verifier.readPayload(body, signature)
}
