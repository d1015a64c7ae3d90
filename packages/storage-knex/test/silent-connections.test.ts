import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import createKnex from 'knex'
import { expect, it } from 'vitest'
import { createKnexStorage } from '../src/knex-storage.js'
import { endSilentConnections } from '../src/silent-connections.js'
import { useDatabase } from './test-database.js'

const database = useDatabase()

it('gives up a database that falls silent, and goes on when another answers', async () => {
  const line = await openLine(database.appUrl)
  const pool = { min: 0, max: 2, afterCreate: endSilentConnections({ afterMs: 100 }) }
  const connection = { connectionString: line.url, connectionTimeoutMillis: 200 }
  const knex = createKnex({ client: 'pg', connection, pool })
  const storage = createKnexStorage({ knex })
  try {
    await Promise.all([storage.ping(), storage.ping()])
    // Idle connections stay, however often their time is over.
    const idle = [...line.sockets].map((socket) => once(socket, 'timeout'))
    await Promise.all(idle)
    line.mute()
    const burst = await Promise.allSettled([storage.ping(), storage.ping()])
    expect(burst).toMatchObject([
      { reason: { code: 'storage_unavailable' } },
      { reason: { code: 'storage_unavailable' } },
    ])
    line.unmute()
    await storage.ping()
  } finally {
    await knex.destroy()
    line.close()
  }
})

it('takes a database that does not answer a new connection for one that is away', async () => {
  const line = await openLine(database.appUrl)
  line.mute()
  const connection = { connectionString: line.url, connectionTimeoutMillis: 100 }
  const knex = createKnex({ client: 'pg', connection, pool: { min: 0, max: 1 } })
  try {
    await expect(createKnexStorage({ knex }).ping()).rejects.toMatchObject({ code: 'storage_unavailable' })
  } finally {
    await knex.destroy()
    line.close()
  }
})

/** A TCP line that can swallow what the database says, without a word to either side. */
async function openLine(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let isMute = false
  const proxy = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
    // Three times as patient as the pool: when this fires, the pool's own time was over more than once.
    near.setTimeout(350)
    far.setTimeout(350)
    near.on('data', (chunk) => far.write(chunk))
    far.on('data', (chunk) => isMute || near.write(chunk))
    near.on('close', () => far.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  return {
    url: url.href,
    sockets,
    mute: () => {
      isMute = true
    },
    unmute: () => {
      isMute = false
    },
    close: () => {
      proxy.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
