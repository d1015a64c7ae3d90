import Stripe from 'stripe'

/* A webhook checked and read, and a call answered. */

const { BENCH_BODY = '', BENCH_SIGNATURE = '', BENCH_SECRET = '', BENCH_ANSWER = '' } = process.env
const headers = { 'content-type': 'application/json' }
const httpClient = Stripe.createFetchHttpClient(async () => new Response(BENCH_ANSWER, { headers }))
const stripe = new Stripe('sk_test_bench', { httpClient })
const { data } = stripe.webhooks.constructEvent(Buffer.from(BENCH_BODY), BENCH_SIGNATURE, BENCH_SECRET)
if (data.type !== 'event') throw new Error('no event')
const { id } = await stripe.customers.retrieve('cus_bench')
if (id !== 'cus_bench') throw new Error('no customer')
console.log(performance.now())
