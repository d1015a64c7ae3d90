import { spawnSync } from 'node:child_process'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Project, ROOT } from './project.js'
import { prepareWorker } from './worker-configuration.js'

/** What programs run on. */
export type Runtime = 'node' | 'bun' | 'deno' | 'workerd' | 'next'

/** What is about to be run. */
export interface Start {
  readonly project: Project
  /** Below the project's folder. */
  readonly file: string
  readonly port: number
  readonly environment: Readonly<Record<string, string>>
}

/** A command line that runs in the project's folder. */
export type Command = readonly [command: string, ...args: string[]]

/** How each runtime starts a program. What it needs beside the program is written into the project. */
export const RUNTIMES: Readonly<Record<Runtime, (start: Start) => Promise<Command>>> = {
  node: async ({ file }) => [process.execPath, '--import', 'tsx', file],
  bun: async ({ file }) => [toBinary('bun'), file],
  deno: async ({ file, port }) => [toBinary('deno'), 'serve', `--port=${port}`, '--allow-env', '--allow-net', file],
  async workerd(start) {
    const configuration = await prepareWorker(start)
    return [toBinary('workerd'), 'serve', configuration, `--socket-addr=http=127.0.0.1:${start.port}`]
  },
  async next({ project, port }) {
    await prepareNext(project)
    return [process.execPath, join(ROOT, 'node_modules', 'next', 'dist', 'bin', 'next'), 'dev', `--port=${port}`]
  },
}

/** Says whether the runtime is there: npm installs those that are binaries only where there is one for the platform. */
export function isAvailable(runtime: Runtime): boolean {
  if (runtime === 'node' || runtime === 'next') return true
  return spawnSync(toBinary(runtime), ['--version'], { stdio: 'ignore' }).status === 0
}

function toBinary(name: string): string {
  return join(ROOT, 'node_modules', '.bin', name)
}

/** The app as the root of the project. Next would have npm install the types of React; it needs none of them. */
async function prepareNext({ directory }: Project): Promise<void> {
  await cp(join(directory, 'next', 'app'), join(directory, 'app'), { recursive: true })
  const types = join(directory, 'node_modules', '@types', 'react')
  await mkdir(types, { recursive: true })
  await writeFile(join(types, 'index.d.ts'), 'export {}\n')
  await writeFile(join(types, 'package.json'), JSON.stringify({ name: '@types/react', version: '19.0.0' }))
}
