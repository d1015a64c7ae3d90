/** As a URL spells them: 127.0.0.0/8, also mapped to IPv6, and ::1. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/

/**
 * True for a URL of this machine, where nothing travels over a network. Names below `localhost` are not of it: a resolver
 * may ask the network for them.
 */
export function isLoopbackUrl({ hostname }: URL): boolean {
  return LOOPBACK.test(hostname)
}
