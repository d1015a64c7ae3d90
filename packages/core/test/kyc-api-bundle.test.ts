import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import type * as KycApiModule from '../src/kyc-api.js'
import { createTestHandler } from './test-handler.js'
import { createListen, toListener } from './test-server.js'

const SOURCE = fileURLToPath(new URL('../src/kyc-api.ts', import.meta.url))
const listen = createListen()

/** The caller as a front end's bundler makes a script of it. */
async function bundle() {
  const { outputFiles, metafile } = await build({
    entryPoints: [SOURCE],
    bundle: true,
    format: 'iife',
    globalName: 'kycApi',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  return { script: outputFiles.map(({ text }) => text).join(''), inputs: Object.keys(metafile.inputs) }
}

/** Some of what a browser has, and nothing of what only Node has. */
function createBrowser() {
  const { fetch, setTimeout, clearTimeout } = globalThis
  const context = { fetch, setTimeout, clearTimeout, URL, URLSearchParams, AbortController, TextDecoder }
  return createContext(context) as typeof context & { readonly kycApi: typeof KycApiModule }
}

describe('the bundle for a front end', () => {
  it('has no dependency, and nothing of the server', async () => {
    const { inputs } = await bundle()
    expect(inputs.filter((path) => path.includes('node_modules'))).toEqual([])
    const names = inputs.map((path) => path.replace(/^.*\//, ''))
    for (const name of ['wire.ts', 'routes.ts', 'engine.ts', 'problem.ts', 'request.ts']) {
      expect(names).not.toContain(name)
    }
  })

  it('runs where there is nothing of Node, and tells errors there', async () => {
    const { handler } = createTestHandler()
    const baseUrl = await listen(toListener((request) => handler.fetch(request)))
    const browser = createBrowser()
    runInContext((await bundle()).script, browser)
    const { createKycApi, isKycApiError } = browser.kycApi
    expect(runInContext('typeof process + typeof Buffer + typeof require', browser)).toBe('undefined'.repeat(3))
    const api = createKycApi({ baseUrl, token: () => 'token', retries: 0 })
    const { case_id } = await api.initiate({ user_id: 'user_1', document_type: 'passport' })
    expect(await api.get(case_id)).toMatchObject({ case_id, status: 'pending' })
    const error: unknown = await api.get('nobody').catch((caught: unknown) => caught)
    expect(isKycApiError(error, 'case_not_found')).toBe(true)
    const unreachable = createKycApi({ baseUrl: 'http://127.0.0.1:1', retries: 0 })
    const other: unknown = await unreachable.health().catch((caught: unknown) => caught)
    expect(isKycApiError(other, 'kyc_api_unreachable')).toBe(true)
  })
})
