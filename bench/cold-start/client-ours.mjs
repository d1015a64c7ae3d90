import { createPersonaClient } from '@persona-kyc/core/client'

/* A call answered. */

const { BENCH_ANSWER = '' } = process.env
const headers = { 'content-type': 'application/json' }
const fetch = async () => new Response(BENCH_ANSWER, { headers })
const { id } = await createPersonaClient({ apiKey: 'persona_sandbox_bench', fetch }).inquiries.retrieve('inq_bench')
if (id !== 'inq_bench') throw new Error('no inquiry')
console.log(performance.now())
