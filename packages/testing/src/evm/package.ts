import { execFileSync } from 'node:child_process'
import { ConfigurationError } from '@persona-kyc/core'
import { HERE, resolveOrThrow } from '../postgres/module-resolution.js'

/** As in the optionalDependencies of @foundry-rs/anvil. */
const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win32-x64']

const OWN_CHAIN = 'run a chain of your own'

/**
 * Returns the absolute path of the installed package's program, whether or not its postinstall ran.
 * Throws a ConfigurationError that says what to install, or that there is none for this platform.
 */
export function findAnvil(): string {
  const platform = `${process.platform}-${process.arch}`
  if (!PLATFORMS.includes(platform)) {
    throw new ConfigurationError({
      problem: `@foundry-rs/anvil has no program for ${platform}.`,
      fix: `Use one of ${PLATFORMS.join(', ')}, or ${OWN_CHAIN}.`,
    })
  }
  const manifest = resolveOrThrow(HERE, '@foundry-rs/anvil/package.json', {
    problem: 'The package @foundry-rs/anvil is not installed.',
    fix: `Run \`npm install --save-dev @foundry-rs/anvil@1.7.1\`, or ${OWN_CHAIN}.`,
  })
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const name = `@foundry-rs/anvil-${platform.replace('x64', 'amd64')}`
  return resolveOrThrow(manifest, `${name}/bin/anvil${suffix}`, {
    problem: `@foundry-rs/anvil is installed without ${name}, the program for this platform.`,
    fix: `Install optional dependencies too (no --omit=optional), or ${OWN_CHAIN}.`,
  })
}

/** Throws what {@link findAnvil} throws, and a ConfigurationError where the program is there but this system cannot run it. */
export function requireAnvil(): void {
  const program = findAnvil()
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
  } catch (cause) {
    throw new ConfigurationError({
      problem: `${program} is installed, but this system cannot run it.`,
      fix: `On a system without glibc (Alpine) take a glibc image, or ${OWN_CHAIN}.`,
      cause,
    })
  }
}
