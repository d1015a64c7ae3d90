import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type PlainRequest, toPlainRequest } from '../src/plain-request.js'
import { HttpError } from '../src/problem.js'
import { readBody } from '../src/request-body.js'
import { toRejection } from './canaries.js'

const LIMITS = { maxBodyBytes: 10, bodyTimeoutMs: 5000 }

/** A request whose body is that stream. Node needs `duplex`, which the DOM types do not know. */
function createRequest(
  body: BodyInit | ReadableStream,
  headers: Record<string, string> = {},
  signal: AbortSignal | null = null,
): PlainRequest {
  const init = { method: 'POST', body, headers, duplex: 'half', signal }
  return toPlainRequest(new Request('https://app.example/', init as RequestInit))
}

/** A body in chunks that notes how far it was read, and whether it was cancelled. */
function createStream(chunks: string[]) {
  const state = { pulled: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[state.pulled]
        state.pulled += 1
        if (chunk === undefined) controller.close()
        else controller.enqueue(new TextEncoder().encode(chunk))
      },
      cancel() {
        state.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { body, state }
}

async function expectProblem(promise: Promise<unknown>, status: number, code: string): Promise<HttpError> {
  const error = await toRejection(promise)
  expect(error).toBeInstanceOf(HttpError)
  expect(error).toMatchObject({ problem: { status, code } })
  return error as HttpError
}

describe('a body', () => {
  it('is read whole, byte by byte as it came', async () => {
    const bytes = new Uint8Array([0, 255, 10, 13, 0xef, 0xbb, 0xbf])
    expect(await readBody(createRequest(bytes), LIMITS)).toEqual(bytes)
    expect(await readBody(createRequest(createStream(['ab', '', 'c', 'def']).body), LIMITS)).toEqual(
      new TextEncoder().encode('abcdef'),
    )
  })

  it('is empty where there is none', async () => {
    expect(
      await readBody(toPlainRequest(new Request('https://app.example/', { method: 'POST' })), LIMITS),
    ).toHaveLength(0)
    expect(await readBody(createRequest(createStream([]).body), LIMITS)).toHaveLength(0)
  })

  it('may have exactly the bytes that are allowed', async () => {
    expect(await readBody(createRequest('1234567890'), LIMITS)).toHaveLength(10)
    expect(await readBody(createRequest(createStream(['12345', '67890']).body), LIMITS)).toHaveLength(10)
  })

  it('counts bytes, not characters', async () => {
    await expectProblem(readBody(createRequest('渡辺渡辺'), LIMITS), 413, 'body_too_large')
  })
})

describe('a body that a server gives cut short, and without an error', () => {
  it.each(['', 'abcd'])('is a 400 by its content-length: %j', async (part) => {
    const request = createRequest(createStream([part]).body, { 'content-length': '5' })
    await expectProblem(readBody(request, LIMITS), 400, 'body_interrupted')
  })

  it('is a 400 where its sender has gone, though nobody told its length', async () => {
    const gone = new AbortController()
    const body = new ReadableStream({
      pull(controller) {
        gone.abort()
        controller.close()
      },
    })
    await expectProblem(readBody(createRequest(body, {}, gone.signal), LIMITS), 400, 'body_interrupted')
  })
})

describe('a body that is too large', () => {
  it('is a 413 by its content-length, without reading anything', async () => {
    const { body, state } = createStream(['x'])
    const error = await expectProblem(
      readBody(createRequest(body, { 'content-length': '11' }), LIMITS),
      413,
      'body_too_large',
    )
    expect(state.pulled).toBe(0)
    expect(error.headers).toEqual({ connection: 'close' })
  })

  it('is a 413 by its bytes, and is read no further', async () => {
    const { body, state } = createStream(['12345', '678901', 'x', 'x', 'x'])
    await expectProblem(readBody(createRequest(body), LIMITS), 413, 'body_too_large')
    expect(state).toEqual({ pulled: 2, cancelled: true })
  })

  it('is a 413 also when its content-length says less', async () => {
    for (const length of ['1', '0', '-1', 'abc', '']) {
      const { body } = createStream(['12345', '678901'])
      await expectProblem(readBody(createRequest(body, { 'content-length': length }), LIMITS), 413, 'body_too_large')
    }
  })
})

describe('a body that is slow', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('is a 408 after the time allowed, not before, and is given up', async () => {
    const cancel = vi.fn()
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([1])), cancel })
    const settled = vi.fn()
    const reading = readBody(createRequest(body), LIMITS)
    reading.then(settled, settled)
    await vi.advanceTimersByTimeAsync(4999)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await expectProblem(reading, 408, 'body_timeout')
    expect(cancel).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is a 408 though each byte comes in time', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const timer = setInterval(() => controller.enqueue(new Uint8Array([1])), 1000)
        setTimeout(() => clearInterval(timer), 20_000)
      },
    })
    const rejection = toRejection(readBody(createRequest(body), LIMITS))
    await vi.advanceTimersByTimeAsync(5000)
    expect(await rejection).toMatchObject({ problem: { status: 408 } })
  })

  it('is a 408 also when its stream never confirms that it is given up', async () => {
    const body = new ReadableStream({ cancel: () => new Promise(() => {}) })
    const rejection = toRejection(readBody(createRequest(body), LIMITS))
    await vi.advanceTimersByTimeAsync(5000)
    expect(await rejection).toMatchObject({ problem: { status: 408, code: 'body_timeout' } })
  })

  it('leaves no timer behind when it comes in time', async () => {
    await readBody(createRequest('abc'), LIMITS)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a body that breaks off', () => {
  it('is a 400, without the reason that the stream gave', async () => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array([1])),
      pull: (controller) => controller.error(new Error('canary-9f31c7')),
    })
    const error = await expectProblem(readBody(createRequest(body), LIMITS), 400, 'body_interrupted')
    expect(JSON.stringify(error.problem)).not.toContain('canary')
  })
})
