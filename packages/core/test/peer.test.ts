import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../src/errors.js'
import { createIpMatcher } from '../src/ip-range.js'
import { type Connection, createPeerReader } from '../src/peer.js'
import { toCpuMs } from './cpu-time.js'

const CLIENT = '203.0.113.7'
const TRUSTED = ['10.0.0.0/8', '2001:db8:1::/48', '198.51.100.1']
const CLEAR = 'http://app.example/'

interface Sent extends Connection {
  readonly url?: string
  readonly for?: string | readonly string[]
  readonly proto?: string | readonly string[]
}

/** What is told of a request from behind these proxies. */
function read({ url = CLEAR, for: hops = [], proto = [], ...connection }: Sent, trusted: readonly string[] = TRUSTED) {
  const headers = new Headers()
  for (const value of [hops].flat()) headers.append('x-forwarded-for', value)
  for (const value of [proto].flat()) headers.append('x-forwarded-proto', value)
  return createPeerReader(trusted)(new Request(url, { headers }), connection)
}

const readAddress = (sent: Sent, trusted?: readonly string[]) => read(sent, trusted).address

describe('a peer that is no trusted proxy', () => {
  it.each<[string, string | undefined, string | null]>([
    ['an address', CLIENT, CLIENT],
    ['an IPv6 address', '2001:db8:2::1', '2001:db8:2::1'],
    ['an address just beside the trusted ones', '11.0.0.0', '11.0.0.0'],
    ['no address', undefined, null],
  ])('is what the connection says, whatever the headers say: %s', (_name, address, expected) => {
    const spoofed = { for: ['10.0.0.1', '198.51.100.1', '192.0.2.9'], proto: 'https' }
    expect(read({ address, ...spoofed })).toEqual({ address: expected, isEncrypted: false })
    expect(read({ address, ...spoofed, proto: 'http', isEncrypted: true })).toMatchObject({ isEncrypted: true })
  })

  it('is everybody where no proxy is trusted', () => {
    for (const address of [CLIENT, '10.0.0.1', '127.0.0.1', '::1']) {
      expect(read({ address, for: '192.0.2.9', proto: 'https' }, [])).toEqual({ address, isEncrypted: false })
    }
  })
})

describe('the client behind trusted proxies', () => {
  it.each<[string, string, string | null]>([
    ['one proxy', CLIENT, CLIENT],
    ['two proxies', `${CLIENT}, 10.0.0.2`, CLIENT],
    ['three proxies', `${CLIENT}, 10.0.0.3, 198.51.100.1`, CLIENT],
    ['a proxy of IPv6', `${CLIENT}, 2001:db8:1::5`, CLIENT],
    ['a proxy that is written as an IPv6 address', `${CLIENT}, ::ffff:10.0.0.2`, CLIENT],
    ['no spaces', `${CLIENT},10.0.0.2`, CLIENT],
    ['many spaces and a tab', `${CLIENT}  ,\t 10.0.0.2`, CLIENT],
    ['what the client wrote first', `192.0.2.9, ${CLIENT}`, CLIENT],
    ['a trusted address that the client wrote first', `10.0.0.9, ${CLIENT}, 10.0.0.2`, CLIENT],
    ['nonsense that the client wrote first', `<script>, unknown, , ${CLIENT}, 10.0.0.2`, CLIENT],
    ['a proxy that is not trusted', `192.0.2.9, ${CLIENT}, 10.0.0.2`, CLIENT],
    ['trusted addresses only', '10.0.0.4, 10.0.0.2', '10.0.0.4'],
    ['no word of the proxy', '', '10.0.0.1'],
    ['an address with its port', `${CLIENT}:49152`, CLIENT],
    ['a proxy with its port', `${CLIENT}, 10.0.0.2:443`, CLIENT],
    ['an IPv6 address in brackets', '[2001:db8:2::1]', '2001:db8:2::1'],
    ['an IPv6 address in brackets with its port', '[2001:db8:2::1]:80', '2001:db8:2::1'],
    ['an IPv6 proxy in brackets with its port', `${CLIENT}, [2001:db8:1::5]:443`, CLIENT],
    ['an IPv6 address', '2001:db8:2::1', '2001:db8:2::1'],
    ['an IPv6 address that ends as a port would', '2001:db8:2::1:80', '2001:db8:2::1:80'],
  ])('is found through %s', (_name, header, expected) => {
    expect(readAddress({ address: '10.0.0.1', for: header })).toBe(expected)
    expect(readAddress({ address: '::ffff:10.0.0.1', for: header })).toBe(
      expected === '10.0.0.1' ? '::ffff:10.0.0.1' : expected,
    )
  })

  it('is found in a header that is repeated, as proxies append one of their own', () => {
    expect(readAddress({ address: '10.0.0.1', for: ['192.0.2.9', CLIENT, '10.0.0.2'] })).toBe(CLIENT)
    expect(readAddress({ address: '10.0.0.1', for: ['10.0.0.3', CLIENT] })).toBe(CLIENT)
    expect(readAddress({ address: '10.0.0.1', for: ['192.0.2.9, 10.0.0.3', `${CLIENT}, 10.0.0.2`] })).toBe(CLIENT)
  })

  it.each([
    'unknown',
    '_hidden',
    'unix:',
    'localhost',
    'client.example',
    '10.0.0',
    '10.0.0.5x',
    '10.0.0.5:',
    '10.0.0.5:x',
    '10.0.0.5:123456',
    '10.0.0.5:80:80',
    '[10.0.0.5]',
    '[10.0.0.5]:80',
    '[2001:db8:1::5',
    '2001:db8:1::5]:80',
    '[2001:db8:1::5]x',
    '[2001:db8:1::5]:',
    '[[2001:db8:1::5]]',
    '[]',
    ':80',
    'for=10.0.0.5',
    '"10.0.0.5"',
    '10.0.0.5/32',
    '10.0.0.5;10.0.0.6',
    '10.0.0.5 10.0.0.6',
    '0x0a.0.0.5',
    '10.0.0.05',
    '',
  ])('is nobody where a trusted proxy wrote %j in place of an address', (hop) => {
    for (const header of [`192.0.2.9, ${hop}`, `10.0.0.9, ${hop}, 10.0.0.2`, `192.0.2.9,${hop},10.0.0.2:80`]) {
      expect(readAddress({ address: '10.0.0.1', for: header })).toBeNull()
    }
  })

  it('is nobody where the first proxy’s word is none', () => {
    expect(readAddress({ address: '10.0.0.1', for: 'unknown' })).toBeNull()
    expect(readAddress({ address: '10.0.0.1', for: ', 10.0.0.2' })).toBeNull()
  })

  it('cannot be another one, whatever the client sends', () => {
    const proxies = fc.array(fc.constantFrom('10.0.0.1', '10.255.0.1:80', '::ffff:10.1.1.1', '[2001:db8:1::9]:443'), {
      maxLength: 3,
    })
    const words = fc.constantFrom('10.0.0.9', '198.51.100.1', '192.0.2.9', '', 'unknown', ':80', '127.0.0.1', ' ', '[')
    const prefix = fc.array(
      fc.array(words, { maxLength: 4 }).map((list) => list.join(',')),
      { maxLength: 3 },
    )
    const schemes = fc.array(fc.constantFrom('https', 'http', '', 'HTTPS', 'wss', 'https, https'), { maxLength: 3 })
    fc.assert(
      fc.property(prefix, schemes, proxies, fc.boolean(), (sentFor, sentProto, chain, isEncrypted) => {
        // The first proxy sees the client; each one appends whom it sees, the last is seen by the server.
        const sent = {
          address: '10.0.0.1',
          isEncrypted: false,
          for: [...sentFor, [CLIENT, ...chain].join(', ')],
          proto: [...sentProto, isEncrypted ? 'https' : 'http'],
        }
        expect(read(sent)).toEqual({ address: CLIENT, isEncrypted })
      }),
      { numRuns: 500 },
    )
  })

  it('is found in bounded time in a long header', () => {
    const cpuMs = toCpuMs(() => {
      for (const hop of ['10.0.0.1', '::', '[::]:80', '10.0.0.1:', '[[[[', '[:', ':', '1.', '']) {
        readAddress({ address: '10.0.0.1', for: `${hop},`.repeat(16_384 / (hop.length + 1)) })
        for (const start of ['', '[', '[:', '1']) {
          readAddress({ address: '10.0.0.1', for: start + hop.repeat(100_000 / Math.max(1, hop.length)) })
        }
      }
    })
    expect(cpuMs).toBeLessThan(1000)
  })
})

describe('the encryption of the client’s connection', () => {
  it.each<[string, string | string[], boolean]>([
    ['https', 'https', true],
    ['https in upper case', 'HTTPS', true],
    ['http', 'http', false],
    ['the last of several', 'http, https', true],
    ['the last of several in clear', 'https, http', false],
    ['the last of several headers', ['https', 'http'], false],
    ['the last one, which is empty', 'https, ', false],
    ['the last one, which is empty, before a proxy of ours', 'https,', false],
    ['another scheme', 'wss', false],
    ['something that only starts so', 'https:', false],
    ['something that only ends so', 'xhttps', false],
    ['something in quotes', '"https"', false],
    ['a word that means so elsewhere', 'on', false],
  ])('is what the trusted proxy says: %s', (_name, proto, isEncrypted) => {
    for (const own of [true, false, undefined]) {
      expect(read({ address: '10.0.0.1', isEncrypted: own, proto }).isEncrypted).toBe(isEncrypted)
    }
  })

  it.each<[string, string, boolean | undefined, boolean]>([
    ['by the server’s word', CLEAR, true, true],
    ['by the server’s word, whatever URL the client has written', 'https://app.example/', false, false],
    ['by the URL', 'https://app.example/', undefined, true],
    ['by the URL in upper case', 'HTTPS://app.example/', undefined, true],
    ['by the URL, which is in clear', CLEAR, undefined, false],
    ['by the URL, where only its path looks so', `${CLEAR}https://app.example/`, undefined, false],
  ])('is known %s where the proxy says nothing, and without a proxy', (_name, url, isEncrypted, expected) => {
    for (const address of ['10.0.0.1', CLIENT, undefined]) {
      expect(read({ url, isEncrypted, address }).isEncrypted).toBe(expected)
      expect(read({ url, isEncrypted, address, proto: '' }).isEncrypted).toBe(expected)
    }
  })
})

it('is refused at once with a proxy that is no range', () => {
  for (const proxy of ['proxy.example', '10.0.0.1/8', '', '*']) {
    expect(() => createPeerReader([proxy])).toThrow(ConfigurationError)
  }
})

it('never lets a client choose an address that is allowed more', () => {
  const isAllowed = createIpMatcher(['192.0.2.0/24', 'private', 'loopback'])
  const attempts = ['192.0.2.1', '10.0.0.1', '127.0.0.1', '::1', 'unknown', '192.0.2.1:80', '']
  for (const first of attempts) {
    for (const second of attempts) {
      const address = readAddress({ address: '10.0.0.1', for: `${first}, ${second}, ${CLIENT}` })
      expect([address, isAllowed(String(address))]).toEqual([CLIENT, false])
    }
  }
})
