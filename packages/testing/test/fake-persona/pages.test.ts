import { describe, expect, it } from 'vitest'
import { createFakeWithClient, type FakeWithClient } from './client.js'

interface ListAnswer {
  readonly data: { readonly id: string }[]
  readonly links: { readonly prev: string | null; readonly next: string | null }
}

async function list({ fake }: FakeWithClient, path: string): Promise<ListAnswer> {
  const url = new URL(path, 'https://api.withpersona.com')
  const response = await fake.fetch(url, { headers: { Authorization: `Bearer ${fake.apiKey}` } })
  expect(response.status).toBe(200)
  return response.json()
}

async function walk(client: FakeWithClient, start: string, direction: 'next' | 'prev'): Promise<string[][]> {
  const pages: string[][] = []
  for (let path: string | null = start; path !== null; ) {
    const page: ListAnswer = await list(client, path)
    pages.push(page.data.map(({ id }) => id))
    path = page.links[direction]
  }
  return pages
}

async function createMany(client: FakeWithClient, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index++) ids.push(await client.create())
  return ids
}

describe('lists', () => {
  it.each([1, 2, 5, 6, 7, 100])('walk every inquiry once, newest first, %i a page, there and back', async (size) => {
    const client = createFakeWithClient()
    const newestFirst = (await createMany(client, 12)).reverse()
    const pages = await walk(client, `/api/v1/inquiries?page[size]=${size}`, 'next')
    expect(pages.flat()).toEqual(newestFirst)
    const oldest = newestFirst.at(-1)
    const back = await walk(client, `/api/v1/inquiries?page[size]=${size}&page[before]=${oldest}`, 'prev')
    expect(back.reverse().flat()).toEqual(newestFirst.slice(0, -1))
  })

  it('have ten items a page by default and relative links that keep the filter', async () => {
    const client = createFakeWithClient()
    await createMany(client, 11)
    const first = await list(client, '/api/v1/inquiries?filter[status]=created')
    expect(first.data).toHaveLength(10)
    const cursor = first.data.at(-1)?.id
    expect(first.links).toEqual({
      prev: null,
      next: `/api/v1/inquiries?page%5Bafter%5D=${cursor}&filter%5Bstatus%5D=created`,
    })
  })

  it('miss and repeat nothing when the cursor’s own item stops matching the filter', async () => {
    const client = createFakeWithClient()
    const newestFirst = (await createMany(client, 4)).reverse()
    const first = await list(client, '/api/v1/inquiries?page[size]=2&filter[status]=created')
    client.fake.inquiries.simulate(newestFirst[1] ?? '', 'start_inquiry')
    const second = await list(client, first.links.next ?? '')
    expect(second.data.map(({ id }) => id)).toEqual(newestFirst.slice(2))
  })

  it('are empty without links when there is nothing', async () => {
    expect(await list(createFakeWithClient(), '/api/v1/events')).toEqual({
      data: [],
      links: { prev: null, next: null },
    })
  })

  it('page through events too', async () => {
    const client = createFakeWithClient()
    await createMany(client, 5)
    const newestFirst = client.fake.events
      .list()
      .map(({ id }) => id)
      .reverse()
    expect((await walk(client, '/api/v1/events?page[size]=2', 'next')).flat()).toEqual(newestFirst)
  })
})

describe('filters', () => {
  it('choose inquiries, with commas for several values', async () => {
    const client = createFakeWithClient()
    const found = async (filter: string) =>
      (await list(client, `/api/v1/inquiries?${filter}`)).data.map(({ id }) => id).reverse()
    const one = await client.create({ attributes: { note: 'a', 'reference-id': 'u1' } })
    client.advance(60)
    const two = await client.create({ attributes: { 'inquiry-template-id': null, 'template-id': 'tmpl_2' } })
    client.fake.inquiries.simulate(two, 'start_inquiry')
    client.advance(60)
    const three = await client.create({ attributes: { 'reference-id': 'u3', 'account-id': 'act_3' } })
    const minute = new Date(client.now() - 60_000).toISOString()
    expect(await found(`filter[inquiry-id]=${one},${three}`)).toEqual([one, three])
    expect(await found('filter[reference-id]=u1,u3')).toEqual([one, three])
    expect(await found('filter[status]=created')).toEqual([one, three])
    expect(await found('filter[status]=pending,approved')).toEqual([two])
    expect(await found('filter[note]=a')).toEqual([one])
    expect(await found('filter[account-id]=act_3')).toEqual([three])
    expect(await found('filter[template-id]=tmpl_2')).toEqual([two])
    expect(await found('filter[inquiry-template-id]=itmpl_1')).toEqual([one, three])
    expect(await found(`filter[created-at-start]=${minute}`)).toEqual([two, three])
    expect(await found(`filter[created-at-end]=${minute}&filter[status]=created`)).toEqual([one])
  })

  it('choose events', async () => {
    const client = createFakeWithClient()
    const [one = '', two = ''] = await createMany(client, 2)
    client.fake.inquiries.simulate(one, 'start_inquiry')
    const events = client.fake.events.list().map(({ id }) => id)
    const found = async (filter: string) =>
      (await list(client, `/api/v1/events?${filter}`)).data.map(({ id }) => events.indexOf(id))
    expect(await found('filter[name]=inquiry.created')).toEqual([1, 0])
    expect(await found(`filter[object-id]=${one},${two}`)).toEqual([2, 1, 0])
    expect(await found(`filter[object-id]=${one}&filter[name]=inquiry.started`)).toEqual([2])
    expect(await found(`filter[id]=${events[1]}`)).toEqual([1])
  })
})
