import { createIpMatcher } from './ip-range.js'

const isLoopback = createIpMatcher(['loopback'])

/** True for a URL of this machine, where nothing travels over a network. */
export function isLoopbackUrl({ hostname }: URL): boolean {
  return hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''))
}
