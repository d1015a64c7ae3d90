import { connect, createServer, type Socket } from 'node:net'

/** An address that stays, in front of whichever server is the primary: what a load balancer or a virtual IP does. */
export interface Switch {
  readonly port: number
  /** Leads new connections there, and ends those that are open. */
  turnTo(port: number): void
  close(): void
}

/** Starts a switch. */
export async function startSwitch(target: number): Promise<Switch> {
  let current = target
  const sockets = new Set<Socket>()
  const server = createServer((incoming) => {
    const outgoing = connect(current, '127.0.0.1')
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  const endAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    turnTo(next) {
      current = next
      endAll()
    },
    close() {
      server.close()
      endAll()
    },
  }
}
