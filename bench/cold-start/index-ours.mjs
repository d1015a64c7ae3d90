import { constructEvent, createPersonaClient } from '@persona-kyc/core'

/* A webhook checked and read, and a call answered, by the entry that has everything. */

const { BENCH_BODY = '', BENCH_SIGNATURE = '', BENCH_SECRET = '', BENCH_ANSWER = '' } = process.env
const body = Buffer.from(BENCH_BODY)
const { name } = await constructEvent({ body, signature: BENCH_SIGNATURE, secrets: BENCH_SECRET })
if (name !== 'inquiry.completed') throw new Error('no event')
const headers = { 'content-type': 'application/json' }
const fetch = async () => new Response(BENCH_ANSWER, { headers })
const { id } = await createPersonaClient({ apiKey: 'persona_sandbox_bench', fetch }).inquiries.retrieve('inq_bench')
if (id !== 'inq_bench') throw new Error('no inquiry')
console.log(performance.now())
