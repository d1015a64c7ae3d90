import Stripe from 'stripe'

/* A call answered. */

const { BENCH_ANSWER = '' } = process.env
const headers = { 'content-type': 'application/json' }
const httpClient = Stripe.createFetchHttpClient(async () => new Response(BENCH_ANSWER, { headers }))
const { id } = await new Stripe('sk_test_bench', { httpClient }).customers.retrieve('cus_bench')
if (id !== 'cus_bench') throw new Error('no customer')
console.log(performance.now())
