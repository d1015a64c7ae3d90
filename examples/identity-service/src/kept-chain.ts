import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { access, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isKycError } from '@persona-kyc/core'
import { type LocalChain, startLocalChain } from '@persona-kyc/testing/evm'

/** A local chain whose state outlives the process. */
export interface KeptChain {
  readonly chain: LocalChain
  /** False where it goes on from an earlier start. */
  readonly isNew: boolean
}

const TAKEN = /did not start.*in use/is
const START_ATTEMPTS = 20
const RETRY_MS = 250

/**
 * Starts the chain that is kept in the directory, or a new one. It listens at the same port each time: so nobody else can
 * have it at the same time, one that was just killed is waited for, as it still writes its state, and a wallet that is
 * connected to it stays so.
 */
export async function startKeptChain(directory: string): Promise<KeptChain> {
  await mkdir(directory, { recursive: true })
  const statePath = join(directory, 'state.json')
  const port = await readPort(directory)
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt++) {
    const isNew = !(await exists(statePath))
    try {
      return { chain: await startLocalChain({ port, statePath }), isNew }
    } catch (error) {
      if (!isKycError(error) || !TAKEN.test(error.message)) throw error
      await delay(RETRY_MS)
    }
  }
  throw new Error(
    `The local chain in ${directory} is in use, or its port ${port} is. End what uses it, or set KYC_DATA_DIR to another directory.`,
  )
}

/** Of several that are first, one chooses the port, and all of them read it. */
async function readPort(directory: string): Promise<number> {
  const path = join(directory, 'port')
  if (!(await exists(path))) {
    const draft = `${path}-${randomUUID()}.draft`
    await writeFile(draft, String(await findFreePort()))
    // A link appears with its whole content, and only where nothing has the name.
    await link(draft, path).catch(() => {})
    await rm(draft)
  }
  return Number(await readFile(path, 'utf8'))
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
