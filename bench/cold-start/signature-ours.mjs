import { verifySignature } from '@persona-kyc/core/signature'

/* A webhook checked, and its body parsed. */

const { BENCH_BODY = '', BENCH_SIGNATURE = '', BENCH_SECRET = '' } = process.env
const body = Buffer.from(BENCH_BODY)
const { valid } = await verifySignature({ body, signature: BENCH_SIGNATURE, secrets: BENCH_SECRET })
if (!valid || JSON.parse(BENCH_BODY).data.type !== 'event') throw new Error('no event')
console.log(performance.now())
