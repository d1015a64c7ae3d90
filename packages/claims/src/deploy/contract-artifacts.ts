import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { ConfigurationError } from '@persona-kyc/core'
import { type Hex, isHex } from 'viem'

/** A compiled contract: what creates it, and what is at its address then. */
export interface ContractArtifact {
  readonly bytecode: Hex
  /** Zeros stand where its constructor writes immutable values. */
  readonly deployedBytecode: Hex
}

/** The compiled contracts of one package, by the names that it gives them. */
export interface ContractPackage {
  readonly name: string
  readonly version: string
  /** Throws a ConfigurationError when the package has no contract of that name. */
  get(contract: string): ContractArtifact
}

/** The packages that were tried. Both are GPL-3.0: whoever deploys installs them, and nothing here depends on them. */
const TRIED = { '@onchain-id/solidity': '2.2.1', '@tokenysolutions/t-rex': '4.1.6' } as const

// In the CommonJS build there is no import.meta.url.
const HERE = typeof __filename === 'string' ? __filename : import.meta.url

/**
 * Loads the package from the node_modules of `directory`, else from where this library is installed. Throws a
 * ConfigurationError that says how to install it.
 */
export function loadContracts(name: keyof typeof TRIED, directory: string): ContractPackage {
  const require = findRequire(name, directory)
  const contracts = readMember(require(name), 'contracts')
  return {
    name,
    version: readVersion(require, name),
    get: (contract) => toArtifact(readMember(contracts, contract), { contract, name }),
  }
}

/** True when the code is that of the artifact, whatever its constructor wrote into it. */
export function isCodeOf({ deployedBytecode }: ContractArtifact, code: Hex | undefined): boolean {
  if (code === undefined || code.length !== deployedBytecode.length) return false
  const [expected, found] = [deployedBytecode.toLowerCase(), code.toLowerCase()]
  let position = 0
  for (const { index } of expected.matchAll(IMMUTABLE)) {
    // PUSH32 is a whole byte: elsewhere it is something else that looks alike.
    if (index % 2 !== 0) continue
    if (expected.slice(position, index + 2) !== found.slice(position, index + 2)) return false
    position = index + 2 + 64
  }
  return expected.slice(position) === found.slice(position)
}

/** PUSH32 of zero: Solidity writes that for an immutable only. */
const IMMUTABLE = /7f0{64}/g

function findRequire(name: keyof typeof TRIED, directory: string): NodeJS.Require {
  for (const from of [resolve(directory, 'package.json'), HERE]) {
    const require = createRequire(from)
    try {
      require.resolve(name)
      return require
    } catch {}
  }
  throw new ConfigurationError({
    problem: `The package ${name}, which holds the contracts to deploy, is not installed.`,
    fix: `Run \`npm install --save-dev ${name}@${TRIED[name]}\` in the directory that you deploy from.`,
  })
}

function readVersion(require: NodeJS.Require, name: string): string {
  try {
    const version = readMember(require(`${name}/package.json`), 'version')
    return typeof version === 'string' ? version : 'unknown'
  } catch {
    return 'unknown'
  }
}

function toArtifact(
  artifact: unknown,
  { contract, name }: { readonly contract: string; readonly name: keyof typeof TRIED },
): ContractArtifact {
  const bytecode = readMember(artifact, 'bytecode')
  const deployedBytecode = readMember(artifact, 'deployedBytecode')
  if (isHex(bytecode) && bytecode.length > 2 && isHex(deployedBytecode)) return { bytecode, deployedBytecode }
  throw new ConfigurationError({
    problem: `The installed ${name} has no compiled contract ${contract}.`,
    fix: `Install the version that was tried: \`npm install --save-dev ${name}@${TRIED[name]}\`.`,
  })
}

function readMember(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
