import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { signWebhook } from '@persona-kyc/testing'
import Stripe from 'stripe'
import type { Benchmark } from './benchmark.js'
import { createInquiryAnswer } from './instant-persona.js'
import { createEventJson, SECRET } from './webhooks.js'

/*
 * Cold starts: how long a fresh process takes, from its start to the first answer, Node's own start included. The programs of
 * both sides do as much, on as many bytes: a webhook of 4 KB checked and read, an answer of the API read that a `fetch` gives
 * at once. Their ratio is that of their times.
 */

const run = promisify(execFile)

/** So many processes of either side make a round. */
const STARTS = 15

const PROGRAMS = {
  node: toFile(new URL('./cold-start/node.mjs', import.meta.url)),
  signatureOfOurs: toFile(new URL('./cold-start/signature-ours.mjs', import.meta.url)),
  eventsOfOurs: toFile(new URL('./cold-start/events-ours.mjs', import.meta.url)),
  clientOfOurs: toFile(new URL('./cold-start/client-ours.mjs', import.meta.url)),
  indexOfOurs: toFile(new URL('./cold-start/index-ours.mjs', import.meta.url)),
  webhookOfStripe: toFile(new URL('./cold-start/webhook-stripe.mjs', import.meta.url)),
  clientOfStripe: toFile(new URL('./cold-start/client-stripe.mjs', import.meta.url)),
  indexOfStripe: toFile(new URL('./cold-start/index-stripe.mjs', import.meta.url)),
} as const

/** Our entries, each against Stripe's package, which has one. */
export const coldStartBenchmarks: readonly Benchmark[] = [
  toBenchmark('@persona-kyc/core/signature, a webhook', PROGRAMS.signatureOfOurs, PROGRAMS.webhookOfStripe),
  toBenchmark('@persona-kyc/core/events, a webhook', PROGRAMS.eventsOfOurs, PROGRAMS.webhookOfStripe),
  toBenchmark('@persona-kyc/core/client, a call', PROGRAMS.clientOfOurs, PROGRAMS.clientOfStripe),
  toBenchmark('@persona-kyc/core, a webhook and a call', PROGRAMS.indexOfOurs, PROGRAMS.indexOfStripe),
]

function toBenchmark(what: string, our: string, their: string): Benchmark {
  return {
    name: `cold start of ${what}, against stripe`,
    bound: 1,
    unit: 'ms, of Stripe to ours',
    async start(log) {
      const [ourEnv, theirEnv] = await createEnvironments()
      return {
        async measure() {
          const [bareMs, ourMs, theirMs] = await measureInTurns([
            () => start(PROGRAMS.node, {}),
            () => start(our, ourEnv),
            () => start(their, theirEnv),
          ])
          log(`of which Node alone takes ${bareMs?.toFixed(1)} ms`)
          return { ours: theirMs ?? Number.NaN, theirs: ourMs ?? Number.NaN }
        },
        async stop() {},
      }
    },
  }
}

/** Starts all in turns, so that what the machine does besides is done to all, and resolves with the median of each. */
async function measureInTurns(starts: readonly (() => Promise<number>)[]): Promise<number[]> {
  const times = starts.map((): number[] => [])
  for (let turn = 0; turn < STARTS; turn++) {
    for (const [index, start] of starts.entries()) times[index]?.push(await start())
  }
  return times.map((of) => of.toSorted((left, right) => left - right)[Math.floor(STARTS / 2)] ?? Number.NaN)
}

/** Resolves with the milliseconds from the start of the process to its first answer, as the process itself measures them. */
async function start(program: string, env: NodeJS.ProcessEnv): Promise<number> {
  const { stdout } = await run(process.execPath, [program], { env: { ...env, NODE_ENV: 'production' } })
  return Number(stdout)
}

/** What the programs of both sides are given: a delivery that is signed just now, and an answer of as many bytes. */
async function createEnvironments(): Promise<[NodeJS.ProcessEnv, NodeJS.ProcessEnv]> {
  const text = createEventJson()
  const ourAnswer = await createInquiryAnswer('inq_bench')
  const ours = {
    BENCH_BODY: text,
    BENCH_SECRET: SECRET,
    BENCH_SIGNATURE: await signWebhook({ body: Buffer.from(text), secrets: SECRET }),
    BENCH_ANSWER: ourAnswer,
  }
  const theirs = {
    ...ours,
    BENCH_SIGNATURE: new Stripe('sk_test_bench').webhooks.generateTestHeaderString({ payload: text, secret: SECRET }),
    BENCH_ANSWER: createCustomerJson(ourAnswer.length),
  }
  return [ours, theirs]
}

/** A customer as Stripe answers, with as many metadata as make so many characters of it. */
function createCustomerJson(length: number): string {
  const metadata: Record<string, string> = {}
  for (;;) {
    const json = JSON.stringify({ id: 'cus_bench', object: 'customer', livemode: false, metadata })
    if (json.length >= length) return json
    metadata[`key_${Object.keys(metadata).length}`] = 'as it was given'
  }
}

function toFile(url: URL): string {
  return fileURLToPath(url)
}
