import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../src/errors.js'
import { createIpMatcher, isIpAddress, toNetwork } from '../src/ip-range.js'
import { toCpuMs } from './cpu-time.js'

type Family = 'ipv4' | 'ipv6'

/** Every address there is. */
const isAny = createIpMatcher(['0.0.0.0/0', '::/0'])

const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((bytes) => bytes.join('.'))
// Zeros are frequent in addresses, and what their spellings differ in.
const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(0xffff) })
const groups = fc.array(group, { minLength: 8, maxLength: 8 })
const mapped = ipv4.map((text) => toGroups(text))

/** The groups of `::ffff:192.0.2.1`. */
function toGroups(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return [0, 0, 0, 0, 0, 0xffff, a * 256 + b, c * 256 + d]
}

function isMapped(all: readonly number[]): boolean {
  return all.slice(0, 5).every((one) => one === 0) && all[5] === 0xffff
}

/** The longest spelling, which says everything. */
function spell(all: readonly number[]): string {
  return all.map((one) => one.toString(16).padStart(4, '0')).join(':')
}

/** How an address may be written: which run of zeros is left out, padding, case, and a dotted quad at the end. */
interface Spelling {
  readonly start: number
  readonly length: number
  readonly isPadded: boolean
  readonly isUpper: boolean
  readonly isDotted: boolean
}

const spelling: fc.Arbitrary<Spelling> = fc.record({
  start: fc.nat(7),
  length: fc.integer({ min: 1, max: 8 }),
  isPadded: fc.boolean(),
  isUpper: fc.boolean(),
  isDotted: fc.boolean(),
})

function spellAs(all: readonly number[], { start, length, isPadded, isUpper, isDotted }: Spelling): string {
  const words = all.map((one) => one.toString(16).padStart(isPadded ? 4 : 1, '0'))
  const [high = 0, low = 0] = all.slice(6)
  const tail = [high >> 8, high & 255, low >> 8, low & 255].join('.')
  const written = isDotted ? [...words.slice(0, 6), tail] : words
  const end = Math.min(start + length, isDotted ? 6 : 8)
  const isRun = end > start && all.slice(start, end).every((one) => one === 0)
  const text = isRun ? `${written.slice(0, start).join(':')}::${written.slice(end).join(':')}` : written.join(':')
  return isUpper ? text.toUpperCase() : text
}

/** The first address of the network of that prefix. */
function maskGroups(all: readonly number[], prefix: number): number[] {
  return all.map((one, index) => {
    const kept = Math.max(0, Math.min(16, prefix - index * 16))
    return one & (0xffff << (16 - kept)) & 0xffff
  })
}

function maskIpv4(text: string, prefix: number): string {
  const [high = 0, low = 0] = maskGroups(toGroups(text), prefix + 96).slice(6)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Node's word for it. */
function isWithin(address: string, network: string, { prefix, family }: { prefix: number; family: Family }): boolean {
  const list = new BlockList()
  list.addSubnet(network, prefix, family)
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

const prefix4 = fc.oneof(fc.constantFrom(0, 1, 31, 32), fc.nat(32))
const prefix6 = fc.oneof(fc.constantFrom(0, 1, 63, 64, 65, 127, 128), fc.nat(128))

/** An address, and one that is the same up to some bit: of the same network, or just beside it. */
function near(all: readonly number[], bit: number): number[] {
  return all.map((one, index) => (index === bit >> 4 ? one ^ (0x8000 >> (bit & 15)) : one))
}

describe('an IPv4 range', () => {
  it('holds what Node’s BlockList says', () => {
    fc.assert(
      fc.property(ipv4, prefix4, ipv4, (base, prefix, other) => {
        const network = maskIpv4(base, prefix)
        const matches = createIpMatcher([`${network}/${prefix}`])
        for (const address of [base, network, other]) {
          expect(matches(address)).toBe(isWithin(address, network, { prefix, family: 'ipv4' }))
          expect(matches(`::ffff:${address}`)).toBe(matches(address))
        }
      }),
      { numRuns: 500 },
    )
  })

  it.each([0, 1, 8, 31, 32])('ends where its prefix of %i ends', (prefix) => {
    fc.assert(
      fc.property(ipv4, fc.nat(31), (base, bit) => {
        const network = maskIpv4(base, prefix)
        const [high = 0, low = 0] = near(toGroups(base), 96 + bit).slice(6)
        const other = [high >> 8, high & 255, low >> 8, low & 255].join('.')
        expect(createIpMatcher([`${network}/${prefix}`])(other)).toBe(bit >= prefix)
      }),
    )
  })

  it('may be one address', () => {
    fc.assert(
      fc.property(ipv4, ipv4, (one, other) => {
        expect(createIpMatcher([one])(one)).toBe(true)
        expect(createIpMatcher([one])(other)).toBe(one === other)
      }),
    )
  })

  it('may be written as an IPv6 one, with a prefix of that family', () => {
    fc.assert(
      fc.property(ipv4, prefix4, ipv4, (base, prefix, other) => {
        const network = maskIpv4(base, prefix)
        const matches = createIpMatcher([`::ffff:${network}/${prefix + 96}`])
        for (const address of [base, other]) {
          expect(matches(address)).toBe(isWithin(address, network, { prefix, family: 'ipv4' }))
        }
      }),
    )
  })
})

describe('an IPv6 range', () => {
  it('holds what Node’s BlockList says, in every spelling', () => {
    fc.assert(
      fc.property(groups, prefix6, fc.nat(127), spelling, spelling, (base, prefix, bit, first, second) => {
        const network = maskGroups(base, prefix)
        fc.pre(!isMapped(network))
        const matches = createIpMatcher([`${spellAs(network, first)}/${prefix}`])
        for (const address of [base, network, near(base, bit)].filter((all) => !isMapped(all))) {
          const expected = isWithin(spell(address), spell(network), { prefix, family: 'ipv6' })
          expect(matches(spellAs(address, second))).toBe(expected)
        }
      }),
      { numRuns: 500 },
    )
  })

  it.each([0, 1, 63, 64, 65, 127, 128])('ends where its prefix of %i ends', (prefix) => {
    fc.assert(
      fc.property(groups, fc.nat(127), (base, bit) => {
        const network = maskGroups(base, prefix)
        const other = near(base, bit)
        fc.pre(!isMapped(network) && !isMapped(other))
        expect(createIpMatcher([`${spell(network)}/${prefix}`])(spell(other))).toBe(bit >= prefix)
      }),
    )
  })

  it('never holds an IPv4 address, however that is written', () => {
    const matches = createIpMatcher(['::/0'])
    fc.assert(
      fc.property(ipv4, spelling, (address, as) => {
        expect(matches(address)).toBe(false)
        expect(matches(spellAs(toGroups(address), as))).toBe(false)
      }),
    )
  })
})

describe('an address', () => {
  it('is one in every spelling that Node takes for one', () => {
    fc.assert(
      fc.property(fc.oneof(groups, mapped), spelling, (all, as) => {
        const text = spellAs(all, as)
        expect([text, isIPv6(text)]).toEqual([text, true])
        expect([text, isAny(text)]).toEqual([text, true])
      }),
      { numRuns: 500 },
    )
  })

  it('is one, of whatever text, where Node says so', () => {
    const nearly = fc.oneof(
      fc.string({ unit: fc.constantFrom('0', '1', '9', 'f', 'F', 'g', ':', '::', '.', '/', '-', ' ', '[', ']') }),
      fc.string({ unit: fc.constantFrom('0', '1', '25', '255', '256', '.', '01') }),
      fc.string({ unit: fc.constantFrom('0', 'ffff', '12345', ':', ':', '::', '1.2.3.4') }),
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.tuple(ipv4, fc.string({ maxLength: 3 })).map((parts) => parts.join('')),
      fc.tuple(groups, spelling, fc.string({ maxLength: 3 })).map(([all, as, more]) => spellAs(all, as) + more),
    )
    fc.assert(
      fc.property(
        nearly.filter((text) => !text.includes('%')),
        (text) => {
          expect([text, isAny(text)]).toEqual([text, isIP(text) !== 0])
          expect([text, isIpAddress(text)]).toEqual([text, isIP(text) !== 0])
          expect(toNetwork(text) !== null).toBe(isIpAddress(text))
        },
      ),
      { numRuns: 3000 },
    )
  })

  it.each(['fe80::1%eth0', 'fe80::1%3', 'FE80::1%en-0.1', 'fe80::1%veth_1', 'fe80::1%25eth0'])(
    'is one with its zone, which is left out: %s',
    (text) => {
      expect(createIpMatcher(['fe80::1'])(text)).toBe(true)
      expect(createIpMatcher(['fe80::2'])(text)).toBe(false)
    },
  )

  it.each([
    '',
    ' ',
    'localhost',
    'loopback',
    'private',
    'unknown',
    '_hidden',
    '*',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '127.0.0.01',
    '127.0.0.1 ',
    ' 127.0.0.1',
    '127.0.0.1\n',
    '127.0.0.1\0',
    '127.0.0.1,10.0.0.1',
    '127.0.0.1:80',
    '127.0.0.1/32',
    '127.0.0.1%eth0',
    '127.0.0.1%',
    '1.2.3.4.5',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.1e1',
    '١.٢.٣.٤',
    '1。2。3。4',
    '[::1]',
    '[::1]:80',
    '::1\n',
    '::1%',
    '::1%a b',
    '::1%a%b',
    '::1%eth0\n',
    ':::',
    '1::2::3',
    '::12345',
    '::g',
    '::-1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3.4::',
    '::1.2.3.256',
    '::1.2.3',
    '::01.2.3.4',
    '::ffff:127.0.0.1:80',
    '::ffff:0x7f000001',
    'http://[::1]/',
    '::1]/@[::1',
    '::1#',
    '::1?',
  ])('is none: %j', (text) => {
    expect(isAny(text)).toBe(false)
    expect(toNetwork(text)).toBeNull()
  })

  it.each(['%', '%a', '1', '1.', '255.', ':', '::', '0:', 'f', '/', ' ', '\n', '::1%a', '1.2.3.4%', '\ud800'])(
    'is looked for in bounded time also in 100 kB of %j',
    (unit) => {
      const text = unit.repeat(100_000 / unit.length)
      const cpuMs = toCpuMs(() => {
        for (const one of [text, `::1%${text}`, `::1%${text}!`, `1.2.3.4${text}`, `${text}::1`, `${text}/8`]) {
          expect(createIpMatcher(['10.0.0.0/8'])(one)).toBe(false)
          expect(() => createIpMatcher([one])).toThrow(ConfigurationError)
        }
      })
      expect(cpuMs).toBeLessThan(1000)
    },
  )
})

describe('a named range', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    [
      'loopback',
      ['127.0.0.0', '127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1'],
      ['126.255.255.255', '128.0.0.0', '0.0.0.0', '::', '::2', '::7f00:1', 'fe80::1', '10.0.0.1', 'localhost'],
    ],
    [
      'private',
      [
        ...['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255'],
        ...['169.254.0.0', '169.254.255.255', '::ffff:10.1.2.3', 'fc00::', 'fdff:ffff::1', 'fe80::', 'febf::1'],
      ],
      [
        ...['9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0'],
        ...['169.253.255.255', '169.255.0.0', '127.0.0.1', '::1', 'fbff::1', 'fe00::', 'fe7f::', 'fec0::', '8.8.8.8'],
      ],
    ],
  ])('%s holds exactly its networks', (name, inside, outside) => {
    const matches = createIpMatcher([name])
    expect(inside.filter((address) => !matches(address))).toEqual([])
    expect(outside.filter(matches)).toEqual([])
  })
})

describe('createIpMatcher', () => {
  it('matches what any of its ranges holds, and with none nothing', () => {
    const matches = createIpMatcher(['loopback', '192.0.2.0/24', '2001:db8::/32', '198.51.100.7'])
    const inside = ['::1', '192.0.2.255', '2001:db8:ffff::', '198.51.100.7']
    expect(inside.filter(matches)).toEqual(inside)
    expect(['198.51.100.8', '192.0.3.0', '2001:db9::'].filter(matches)).toEqual([])
    expect(inside.filter(createIpMatcher([]))).toEqual([])
  })

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['a host', 'localhost'],
    ['a word in another case', 'Private'],
    ['a member that every object has', 'toString'],
    ['its prototype', '__proto__'],
    ['no prefix', '10.0.0.0/'],
    ['no address', '/8'],
    ['two prefixes', '10.0.0.0/8/8'],
    ['a prefix that is too long', '10.0.0.0/33'],
    ['an IPv6 prefix that is too long', '::/129'],
    ['a negative prefix', '10.0.0.0/-8'],
    ['a mask', '10.0.0.0/255.0.0.0'],
    ['a prefix in another notation', '10.0.0.0/1e1'],
    ['a space', '10.0.0.0/ 8'],
    ['a line break', '10.0.0.0/8\n'],
    ['bits below its prefix', '10.0.0.1/8'],
    ['bits below the prefix of everything', '128.0.0.0/0'],
    ['IPv6 bits below its prefix', '2001:db8::1/64'],
    ['an IPv4 range that is written as an IPv6 one and wider than that', '::ffff:0.0.0.0/95'],
    ['an octal byte', '010.0.0.0/8'],
    ['a dash', '10.0.0.0-10.0.0.9'],
    ['several', '10.0.0.0/8,192.0.2.0/24'],
    ['an IPv4 zone', '10.0.0.1%eth0'],
    ['a number', 10],
    ['nothing at all', undefined],
  ])('is refused at once with %s', (_name, range) => {
    expect(() => createIpMatcher(['loopback', range as string])).toThrow(ConfigurationError)
  })
})

describe('toNetwork', () => {
  it('counts IPv6 addresses of one /64 together, and no others', () => {
    fc.assert(
      fc.property(groups, fc.nat(127), spelling, (all, bit, as) => {
        const other = near(all, bit)
        fc.pre(!isMapped(all) && !isMapped(other))
        const isSame = isWithin(spell(other), spell(all), { prefix: 64, family: 'ipv6' })
        expect(toNetwork(spellAs(all, as)) === toNetwork(spell(other))).toBe(isSame)
      }),
    )
  })

  it('counts each IPv4 address by itself, however it is written', () => {
    fc.assert(
      fc.property(ipv4, ipv4, spelling, (one, other, as) => {
        expect(toNetwork(spellAs(toGroups(one), as))).toBe(toNetwork(one))
        expect(toNetwork(one) === toNetwork(other)).toBe(one === other)
      }),
    )
  })

  it('never takes an IPv4 address for an IPv6 network', () => {
    expect(toNetwork('0.0.0.1')).not.toBe(toNetwork('0:0:0:1::'))
    expect(toNetwork('255.255.255.255')).not.toBe(toNetwork('0:0:ffff:ffff::'))
  })
})
