import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { type BrowserPage, createBrowser } from '../../../test-setup/browser.js'
import { type ApiReference, createApiReference } from '../src/api-reference.js'
import { createOpenApi } from '../src/openapi.js'
import { listProblems } from '../src/problem-codes.js'
import { ROUTES } from '../src/routes.js'

const HOSTILE = `</style></p><script>alert(1)</script><img src=x onerror="alert('2')">&amp;<!--`

/** The names of the elements of a page, in the order of their opening tags. */
function toElements(page: string): string[] {
  return [...page.matchAll(/<([a-z]\w*)/g)].map(([, name = '']) => name)
}

/** The same value with hostile text in every text, and in the name of every member of a schema. */
function spoil(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return key === '$ref' || key === 'type' ? value : value + HOSTILE
  if (Array.isArray(value)) return value.map((item) => spoil(item))
  if (typeof value !== 'object' || value === null) return value
  const suffix = key === 'properties' || key === 'headers' ? HOSTILE : ''
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name + suffix, spoil(member, name)]))
}

/** What of the page is about one operation. */
function findArticle(page: string, id: string): string {
  return new RegExp(`<article id="operation-${id}">.*?</article>`, 's').exec(page)?.[0] ?? ''
}

describe('the API reference', () => {
  it('shows every operation with its parameters, statuses and problems', async () => {
    const { html } = await createApiReference(createOpenApi(ROUTES))
    for (const route of ROUTES) {
      const path = route.path.replace(':case_id', '{case_id}')
      const id = `${route.method} ${path}`
        .toLowerCase()
        .replaceAll(/[^a-z]+/g, '-')
        .replace(/-$/, '')
      const article = findArticle(html, id)
      expect(html).toContain(`href="#operation-${id}"`)
      for (const text of [route.method, path, route.summary]) expect(article).toContain(text.replaceAll("'", '&#39;'))
      const parameters = Object.keys({ ...route.querySchema?.shape, ...route.headerSchema?.shape })
      for (const name of parameters) expect(article).toContain(`<code>${name}</code>`)
      for (const status of Object.keys(route.answers)) expect(article).toContain(`<th scope="row">${status}</th>`)
      for (const { status, code } of listProblems(route)) {
        expect(article).toContain(`<th scope="row">${status}</th>`)
        expect(article).toContain(`<code>${code}</code>`)
      }
    }
  })

  it('shows every schema with its members, whether they are required, their types and bounds', async () => {
    const document = createOpenApi(ROUTES) as { components: { schemas: Record<string, { properties?: object }> } }
    const { html } = await createApiReference(document)
    for (const [name, { properties = {} }] of Object.entries(document.components.schemas)) {
      const section = new RegExp(`<article id="schema-${name}">.*?</article>`, 's').exec(html)?.[0] ?? ''
      expect(html).toContain(`href="#schema-${name}"`)
      for (const member of Object.keys(properties)) expect(section).toContain(`<code>${member}</code>`)
    }
    const rows = html.split('<tr>').map((row) =>
      row
        .replaceAll(/<[^>]+>|\s+/g, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    )
    for (const row of [
      'verified_at required string (date-time) or null Null where the case is not verified. such as 2026-11-22T12:41:31.510Z',
      'verification_score required number or null Null while pending. at least 0 , at most 1',
      'comment optional string Stored at Persona only; none when marking for review. length at most 2000 , such as Checked by phone.',
      'events[].transition required Transition or null The change that it caused.',
      'limit optional query: integer How many the page may hold. at least 1 , at most 500 , default 50',
      'claim optional query: missing or present or stale Only cases without a claim that are not erased; with one; with one though no longer verified.',
    ])
      expect(rows.some((text) => text.startsWith(row))).toBe(true)
  })

  it('runs and loads nothing, and lets only its own style in', async () => {
    const { html, contentSecurityPolicy } = await createApiReference(createOpenApi(ROUTES))
    expect(html).not.toMatch(/<script|<link|<img|<iframe|<form|\son\w+=|\sstyle=|url\(|@import|https?:/i)
    const style = /<style>(.*)<\/style>/s.exec(html)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(contentSecurityPolicy).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
  })

  it('escapes whatever stands in the description', async () => {
    const document = createOpenApi(ROUTES)
    const { html: page } = await createApiReference(document)
    const { html: spoiled, contentSecurityPolicy } = await createApiReference(spoil(document) as object)
    expect(spoiled).toContain('&#60;script&#62;')
    expect(spoiled).not.toMatch(/<script|<img|<!--/)
    expect(toElements(spoiled)).toEqual(toElements(page))
    expect(contentSecurityPolicy).toBe((await createApiReference(document)).contentSecurityPolicy)
  })

  it('does with a description that has next to nothing', async () => {
    const { html } = await createApiReference({ info: { title: 'T', version: '0' }, paths: {} })
    expect(html).toContain('<h1>T</h1>')
  })
})

const BACKGROUND: Readonly<Record<string, string>> = { light: 'rgb(255, 255, 255)', dark: 'rgb(18, 22, 27)' }

/**
 * In the page: the contrast of each text to what is behind it, and the text.
 *
 * @see https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
 */
const measureContrasts = `() => {
  const read = (color) => color.match(/[\\d.]+/g).map(Number)
  const toLuminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const findBack = (element) => {
    const back = read(getComputedStyle(element).backgroundColor)
    return back[3] === 0 && element.parentElement ? findBack(element.parentElement) : back
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const found = []
  while (texts.nextNode()) {
    const { parentElement: element, data } = texts.currentNode
    if (data.trim() === '') continue
    const [dark, light] = [read(getComputedStyle(element).color), findBack(element)]
      .map((rgb) => toLuminance(rgb.slice(0, 3)))
      .sort((one, other) => one - other)
    found.push([(light + 0.05) / (dark + 0.05), data])
  }
  return found
}`

const browser = createBrowser()

afterAll(() => browser.close())

describe('the API reference in a browser', { timeout: 90_000 }, () => {
  it('has its style under its policy, and the browser complains of nothing', async (context) => {
    const page = await open(context, await createApiReference(createOpenApi(ROUTES)))
    expect(await page.evaluate('getComputedStyle(document.querySelector("article")).borderRadius')).toBe('8px')
    expect(page.complaints).toEqual([])
  })

  it('would be without its style under the policy of another page, and the browser would say so', async (context) => {
    const reference = await createApiReference(createOpenApi(ROUTES))
    const page = await open(context, { ...reference, html: reference.html.replace('<style>', '<style>/**/') })
    expect(await page.evaluate('getComputedStyle(document.querySelector("article")).borderRadius')).toBe('0px')
    expect(page.complaints.join()).toContain('Content Security Policy')
  })

  it('is read as it is written: the parser mends nothing', async (context) => {
    const { html, ...rest } = await createApiReference(createOpenApi(ROUTES))
    const page = await open(context, { html, ...rest })
    const elements = await page.evaluate('Array.from(document.querySelectorAll("*"), ({ localName }) => localName)')
    expect(elements).toEqual(toElements(html))
    expect(await page.evaluate('document.compatMode')).toBe('CSS1Compat')
    const ids = (await page.evaluate('Array.from(document.querySelectorAll("[id]"), ({ id }) => id)')) as string[]
    expect(new Set(ids).size).toBe(ids.length)
    const links = (await page.evaluate('Array.from(document.links, ({ hash }) => hash.slice(1))')) as string[]
    expect(links.filter((link) => !ids.includes(link))).toEqual([])
  })

  it('has landmarks, one first heading, and a header for each cell', async (context) => {
    const page = await open(context, await createApiReference(createOpenApi(ROUTES)))
    const count = (selector: string) => page.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`)
    for (const selector of ['header', 'nav', 'main', 'h1', '[lang]']) expect(await count(selector)).toBe(1)
    expect(await count('tr > td:first-child, th:not([scope])')).toBe(0)
    const levels = (await page.evaluate(
      'Array.from(document.querySelectorAll("h1,h2,h3,h4"), ({ localName }) => Number(localName[1]))',
    )) as number[]
    for (const [index, level] of levels.entries()) expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1)
  })

  it('has enough contrast, in light and in dark', async (context) => {
    const page = await open(context, await createApiReference(createOpenApi(ROUTES)))
    for (const value of ['light', 'dark']) {
      await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })
      expect(await page.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe(BACKGROUND[value])
      const contrasts = (await page.evaluate(`(${measureContrasts})()`)) as [number, string][]
      expect(contrasts.length).toBeGreaterThan(500)
      expect(contrasts.filter(([contrast]) => contrast < 4.5)).toEqual([])
    }
  })

  it('fits a phone, and paper', async (context) => {
    const page = await open(context, await createApiReference(createOpenApi(ROUTES)))
    await page.send('Emulation.setDeviceMetricsOverride', {
      width: 360,
      height: 740,
      deviceScaleFactor: 2,
      mobile: true,
    })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    await page.send('Emulation.setEmulatedMedia', { media: 'print' })
    expect(await page.evaluate('getComputedStyle(document.querySelector("nav")).display')).toBe('none')
  })
})

/** Opens the page as a server would give it out. */
async function open(context: TestContext, { html, contentSecurityPolicy }: ApiReference): Promise<BrowserPage> {
  const page = await browser.openPage(context)
  const server = createServer((_, res) => {
    res.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy,
    })
    res.end(html)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await page.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return page
}
