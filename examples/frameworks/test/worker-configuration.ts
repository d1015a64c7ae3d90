import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import type { Start } from './runtimes.js'

/** Bundles a Worker as wrangler does, and resolves with the path of its configuration for workerd. */
export async function prepareWorker({ project, file, environment }: Start): Promise<string> {
  const folder = join(project.directory, 'workers', basename(file, '.ts'))
  await mkdir(folder, { recursive: true })
  await build({
    entryPoints: [join(project.directory, file)],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'warning',
  })
  const configuration = join(folder, 'workerd.capnp')
  await writeFile(configuration, toConfiguration(environment))
  return configuration
}

/** JSON's strings are read by Cap'n Proto too. The service `internet` is what `fetch` reaches: here this machine as well. */
function toConfiguration(environment: Readonly<Record<string, string>>): string {
  const bindings = Object.entries(environment).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "internet", network = (allow = ["public", "private"]))],
  sockets = [(name = "http", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-17",
  bindings = [${bindings.join(', ')}],
);
`
}
