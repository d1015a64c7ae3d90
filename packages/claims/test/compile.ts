import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Abi, Hex } from 'viem'
import type { Artifact } from './local-chain.js'

/** The part of solc's answer that is used: https://docs.soliditylang.org/en/v0.8.37/using-the-compiler.html */
interface CompilerOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Readonly<
    Record<
      string,
      Record<string, { readonly abi: Abi; readonly evm: { readonly bytecode: { readonly object: string } } }>
    >
  >
}

const compiled = new Map<string, Readonly<Record<string, Artifact>>>()

/**
 * Returns the contracts in that file of test/contracts, by their names. Each file is compiled once in a process. Throws
 * what the compiler says, warnings included.
 */
export function compileContracts(file: string): Readonly<Record<string, Artifact>> {
  const known = compiled.get(file) ?? compile(file)
  compiled.set(file, known)
  return known
}

function compile(file: string): Readonly<Record<string, Artifact>> {
  // Loading it takes most of a second: only those who compile pay.
  const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string }
  const input = {
    language: 'Solidity',
    sources: { [file]: { content: readFileSync(new URL(`contracts/${file}`, import.meta.url), 'utf8') } },
    settings: {
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as CompilerOutput
  const messages = (output.errors ?? []).filter(({ severity }) => severity !== 'info')
  if (messages.length > 0) throw new Error(messages.map(({ formattedMessage }) => formattedMessage).join('\n'))
  return Object.fromEntries(
    Object.entries(output.contracts?.[file] ?? {}).map(([name, { abi, evm }]) => [
      name,
      { abi, bytecode: `0x${evm.bytecode.object}` satisfies Hex },
    ]),
  )
}
