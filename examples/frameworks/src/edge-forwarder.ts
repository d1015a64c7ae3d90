import { verifySignature } from '@persona-kyc/core/signature'

type Env = Record<'ORIGIN_URL' | 'PERSONA_WEBHOOK_SECRET', string>

export default {
  async fetch(request: Request, { ORIGIN_URL, PERSONA_WEBHOOK_SECRET: secrets }: Env): Promise<Response> {
    const { pathname, protocol, search } = new URL(request.url)
    const headers = new Headers([...request.headers].filter(([name]) => !/^(x-)?forwarded/.test(name)))
    headers.set('x-forwarded-for', request.headers.get('cf-connecting-ip') ?? 'unknown') // not what the client says
    headers.set('x-forwarded-proto', protocol.replace(':', ''))
    const init = { method: request.method, headers, redirect: 'manual' } as const
    const forward = (body: BodyInit | null) => fetch(`${ORIGIN_URL}${pathname}${search}`, { ...init, body })
    if (pathname !== '/webhooks/persona/inquiry') return forward(request.body)
    const chunks: Uint8Array<ArrayBuffer>[] = []
    let size = 0
    for await (const chunk of request.body ?? []) {
      size += chunk.length
      if (size > 1024 * 1024) return new Response(null, { status: 413 })
      chunks.push(chunk)
    }
    const body = new Uint8Array(await new Blob(chunks).arrayBuffer()) // the bytes that are signed
    const { valid } = await verifySignature({ secrets, body, signature: headers.get('persona-signature') })
    return valid ? forward(body) : new Response(null, { status: 401 })
  },
}
