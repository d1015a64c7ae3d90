import { once } from 'node:events'
import { createServer } from 'node:net'

/** Where no system takes the ports of outgoing connections from: what is free here stays free. */
const [FIRST, COUNT] = [10_000, 20_000]

/** Resolves with a port that nobody listens on. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port)
  const isListening = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ])
  if (isListening) await new Promise((resolve) => server.close(resolve))
  return isListening
}
