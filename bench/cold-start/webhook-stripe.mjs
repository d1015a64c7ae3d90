import Stripe from 'stripe'

/* A webhook checked and read. */

const { BENCH_BODY = '', BENCH_SIGNATURE = '', BENCH_SECRET = '' } = process.env
const { webhooks } = new Stripe('sk_test_bench')
const { data } = webhooks.constructEvent(Buffer.from(BENCH_BODY), BENCH_SIGNATURE, BENCH_SECRET)
if (data.type !== 'event') throw new Error('no event')
console.log(performance.now())
