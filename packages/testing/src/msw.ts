import { type HttpHandler, HttpResponse, http } from 'msw'
import type { FakePersona } from './fake-persona/fake-persona.js'

/**
 * Returns handlers for MSW 2 that answer requests to the fake's `baseUrl` by the fake. Faults that break the connection
 * become MSW's network errors.
 */
export function createPersonaHandlers(fake: FakePersona): HttpHandler[] {
  return [http.all(`${fake.baseUrl}/*`, ({ request }) => answerOrFail(fake, request))]
}

async function answerOrFail(fake: FakePersona, request: Request): Promise<Response> {
  try {
    return await fake.fetch(request)
  } catch {
    return HttpResponse.error()
  }
}
