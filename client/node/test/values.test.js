'use strict'
// What may be in a session, and how it comes back through the daemon.

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { ExtData } = require('@msgpack/msgpack')
const { CoatcheckStore } = require('..')
const { decode, encode } = require('../lib/codec')
const { startDaemon } = require('../testing/daemon')

describe('a value in a session', () => {
  let daemon
  let ids = 0

  before(async () => {
    daemon = await startDaemon()
  })
  after(() => daemon.stop())

  async function throughTheDaemon(value) {
    const store = new CoatcheckStore({ url: daemon.url })
    const id = `test-value-${String(++ids).padStart(10, '0')}`
    await store.set(id, { value })
    return (await store.get(id)).value
  }

  for (const value of [
    null,
    true,
    0,
    -1,
    0.1,
    2 ** 31,
    2 ** 32,
    -(2 ** 31) - 1,
    1700000000123,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    1e300,
    Infinity,
    2n ** 53n,
    2n ** 64n - 1n,
    -(2n ** 63n),
    '',
    'naïve 😀',
    [],
    [1, [2, 'three']],
    {},
    { $bytes: 'not an escape', inner: { a: [{}] } },
    new Date('2024-01-02T03:04:05.678Z'),
    new Date('1901-01-01T00:00:00Z'),
    Buffer.from([0, 255]),
    new ExtData(5, Buffer.from([1, 2]))
  ]) {
    const shown = typeof value === 'bigint' ? `${value}n` : JSON.stringify(value)
    it(`comes back as it was: ${shown}`, async () => {
      assert.deepEqual(await throughTheDaemon(value), value)
    })
  }

  for (const [value, back] of [
    [new Uint8Array([1, 2]), Buffer.from([1, 2])],
    [{ a: undefined, b: 1 }, { b: 1 }],
    [[undefined, 1], [null, 1]],
    [new URL('http://example.org/'), 'http://example.org/'],
    [new (class { x = 1 })(), { x: 1 }],
    [7n, 7]
  ]) {
    it(`comes back as ${JSON.stringify(back)} if that is its nearest`, () => {
      assert.deepEqual(decode(encode(value, 'session')), back)
    })
  }

  it('is an integer to others if it is one here', () => {
    assert.equal(encode(1700000000123, 'session').toString('hex'), 'cf0000018bcfe5687b')
  })

  for (const value of [new Map(), new Set(), () => {}, Symbol('x'), 2n ** 64n, -(2n ** 63n) - 1n, new Date(NaN)]) {
    it(`is a TypeError that names its place if it is ${String(value)}`, () => {
      assert.throws(() => encode({ cart: [value] }, 'session'), /^TypeError: session\.cart\[0\]/)
    })
  }

  it('may have integers as keys of inner maps, which become strings', () => {
    assert.deepEqual(decode(Buffer.from('81a16d8201a161cf0020000000000000a162', 'hex')), {
      m: { 1: 'a', 9007199254740992: 'b' }
    })
  })

  it('may be larger than a safe integer, although express-session compares sessions as JSON', () => {
    new CoatcheckStore({ url: daemon.url })
    assert.equal(JSON.stringify({ value: 2n ** 60n }), '{"value":"1152921504606846976"}')
  })
})
