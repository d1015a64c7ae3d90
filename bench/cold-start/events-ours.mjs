import { constructEvent } from '@persona-kyc/core/events'

/* A webhook checked and read. */

const { BENCH_BODY = '', BENCH_SIGNATURE = '', BENCH_SECRET = '' } = process.env
const body = Buffer.from(BENCH_BODY)
const { name } = await constructEvent({ body, signature: BENCH_SIGNATURE, secrets: BENCH_SECRET })
if (name !== 'inquiry.completed') throw new Error('no event')
console.log(performance.now())
