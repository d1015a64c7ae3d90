import { expect, test } from 'vitest'
import { createDelivery } from './kyc-fixture.js'
import { connectRaw, toHead } from './raw-client.js'

/** Registers vitest tests which send webhooks as raw bytes to a server that has an adapter's routes at its root. */
export function testRawWebhooks(start: () => Promise<{ readonly port: number }>): void {
  test.each([0, 1])('a repeated Persona-Signature counts whole: the good one at place %i', async (place) => {
    const { port } = await start()
    const { headers, body } = await createDelivery()
    const bad = `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}`
    const good = headers['persona-signature'] ?? ''
    const lines = (place === 0 ? [good, bad] : [bad, good]).map((value) => `Persona-Signature: ${value}\r\n`)
    const client = await connectRaw(port)
    const rest = toHead('POST', '/', { 'content-length': body.length, connection: 'close' }).replace(/^.*?\r\n/, '')
    client.send(`POST /webhooks/persona/inquiry HTTP/1.1\r\n${lines.join('')}${rest}`)
    client.send(body)
    expect(await client.closed).toMatch(/^HTTP\/1.1 200 .*"outcome":"unmatched"/s)
  })

  test('the connection is used again after a webhook', async () => {
    const { port } = await start()
    const client = await connectRaw(port)
    for (const turn of [1, 2, 3]) {
      const { headers, body } = await createDelivery()
      client.send(toHead('POST', '/webhooks/persona/inquiry', { ...headers, 'content-length': body.length }))
      client.send(body)
      await client.receive(new RegExp(`(HTTP/1.1 200 .*"outcome":"unmatched".*){${turn}}`, 's'))
    }
    client.destroy()
  })

  test('pipelined requests are answered in their order', async () => {
    const { port } = await start()
    const client = await connectRaw(port)
    const { headers, body } = await createDelivery()
    const webhook = toHead('POST', '/webhooks/persona/inquiry', { ...headers, 'content-length': body.length })
    const last = toHead('GET', '/webhooks/persona/health', { connection: 'close' })
    client.send(`${webhook}${new TextDecoder().decode(body)}${last}`)
    expect(await client.closed).toMatch(/^HTTP\/1.1 200 .*"outcome":"unmatched"\}HTTP\/1.1 200 .*"status":"ok"/s)
  })
}
