'use strict'
// save: 'merge': only what changed is sent.

const assert = require('node:assert/strict')
const { after, afterEach, before, beforeEach, describe, it } = require('node:test')
const { ExtData } = require('@msgpack/msgpack')
const { CoatcheckStore } = require('..')
const { decode } = require('../lib/codec')
const { patch, snapshot } = require('../lib/snapshot')
const { Browser, startApp } = require('../testing/app')
const { startDaemon, startWire } = require('../testing/daemon')

function patchOf(before, after) {
  const changes = patch(snapshot(before), snapshot(after))
  return changes && decode(changes)
}

const MOMENT = new Date('2024-01-02')

describe('a patch', () => {
  for (const [before, after, changes] of [
    [{ a: 1, b: 2 }, { a: 1, b: 2 }, {}],
    [{ a: 1, b: 2 }, { b: 3, c: 4 }, { a: null, b: 3, c: 4 }],
    [{ cart: { coat: 1, hat: 2 } }, { cart: { coat: 1, scarf: 3 } }, { cart: { hat: null, scarf: 3 } }],
    [{ a: { b: { c: 1, d: 2 }, e: 3 } }, { a: { b: { c: 9, d: 2 }, e: 3 } }, { a: { b: { c: 9 } } }],
    [{ list: [1, { a: 1, b: 2 }] }, { list: [1, { a: 1 }] }, { list: [1, { a: 1 }] }],
    [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
    [{ a: 1 }, { a: {}, b: {} }, { a: {}, b: {} }],
    [{ a: 1 }, { a: { b: { c: 2 } } }, { a: { b: { c: 2 } } }],
    [{ a: { b: 1 } }, { a: 1 }, { a: 1 }],
    [{ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } }, {}],
    [{ a: 1, b: 1 }, { a: true, b: '1' }, { a: true, b: '1' }],
    [
      { bytes: Buffer.from('x'), time: MOMENT, ext: new ExtData(5, Buffer.from('x')), big: 2n ** 60n },
      { bytes: Buffer.from('y'), time: MOMENT, ext: new ExtData(6, Buffer.from('x')), big: 2n ** 61n },
      { bytes: Buffer.from('y'), ext: new ExtData(6, Buffer.from('x')), big: 2n ** 61n }
    ],
    [{ toString: 1 }, { toString: 1, hasOwnProperty: 2 }, { hasOwnProperty: 2 }],
    // Nulls that stay, go, or stand where a patch does not look for them.
    [{ a: { none: null, b: 1 } }, { a: { none: null, b: 2 } }, { a: { b: 2 } }],
    [{ a: null, b: { c: null } }, { b: {} }, { a: null, b: { c: null } }],
    [{}, { list: [null, { a: null }] }, { list: [null, { a: null }] }]
  ]) {
    it(`of ${String(Object.keys(before))} to ${String(Object.keys(after))} says what changed and no more`, () => {
      assert.deepEqual(patchOf(before, after), changes)
    })
  }

  for (const [before, after] of [
    [{}, { a: null }],
    [{ a: 1 }, { a: null }],
    [{ a: { b: 1 } }, { a: { b: null } }],
    [{}, { a: { b: { c: null } } }],
    [{ a: [null] }, { a: { b: null } }]
  ]) {
    it(`does not say the null in ${JSON.stringify(after)} after ${JSON.stringify(before)}`, () => {
      assert.equal(patchOf(before, after), undefined)
    })
  }
})

describe('an Express app that merges', () => {
  let browser
  let daemon
  let stops
  let wire

  before(async () => {
    daemon = await startDaemon()
  })
  after(() => daemon.stop())
  beforeEach(async () => {
    wire = await startWire(daemon)
    stops = [wire.stop]
    browser = new Browser(await start({ cookie: { maxAge: 3600_000 } }))
    await browser.post('/update', { user: 'ann', cart: { coat: 1, hat: 2 }, old: true })
    wire.requests.length = 0
  })
  afterEach(() => Promise.all(stops.map((stop) => stop())))

  async function start({ store, ...options } = {}) {
    const app = await startApp({ store: { url: wire.url, save: 'merge', ...store }, ...options })
    stops.push(app.stop)
    return app
  }

  it('saves by a patch of what changed', async () => {
    await browser.post('/update', { user: 'ann', cart: { coat: 1, scarf: 3 } })
    assert.deepEqual(wire.methods(), ['GET', 'PATCH'])
    const { headers, body } = wire.requests[1]
    assert.equal(headers['content-type'], 'application/msgpack')
    assert.equal(headers.prefer, 'return=minimal')
    assert.equal(headers['if-match'], undefined)
    assert.equal(headers['session-idle-timeout'], undefined)
    assert.deepEqual(decode(body), { cart: { hat: null, scarf: 3 } })
    assert.deepEqual((await browser.get()).json, { user: 'ann', cart: { coat: 1, scarf: 3 }, old: true })
  })

  it('removes what was removed', async () => {
    const app = await start({
      pages: (app) =>
        app.post('/forget', (req, res) => {
          delete req.session.old
          res.end()
        })
    })
    await new Browser(app, browser.cookie).post('/forget')
    assert.deepEqual(decode(wire.requests.at(-1).body), { old: null })
    assert.deepEqual((await browser.get()).json, { user: 'ann', cart: { coat: 1, hat: 2 } })
  })

  it('creates new sessions, and writes nothing unchanged', async () => {
    await browser.get()
    await new Browser(browser.app).post('/put/user/bob')
    assert.deepEqual(wire.methods(), ['GET', 'PUT'])
    assert.equal(wire.requests[1].headers['if-none-match'], '*')
  })

  it('overwrites nothing if the app changed nothing but the maxAge', async () => {
    const app = await start({
      cookie: { maxAge: 3600_000 },
      pages: (app) =>
        app.post('/remember', (req, res) => {
          req.session.cookie.maxAge = 30 * 86400_000
          res.end()
        })
    })
    await new Browser(app, browser.cookie).post('/remember')
    const { method, headers, body } = wire.requests.at(-1)
    assert.equal(method, 'PATCH')
    assert.equal(headers['session-idle-timeout'], String(30 * 86400))
    assert.deepEqual(decode(body), {})
  })

  for (const cart of [null, { coat: null }]) {
    it(`saves ${JSON.stringify(cart)} on the version`, async () => {
      await browser.post('/update', { cart })
      assert.deepEqual(wire.methods(), ['GET', 'PUT'])
      assert.match(wire.requests[1].headers['if-match'], /^"/)
      assert.deepEqual((await browser.get()).json, { user: 'ann', cart, old: true })
    })
  }

  it('patches beside a null that was there before', async () => {
    await browser.post('/update', { nothing: null })
    await browser.post('/put/user/bob')
    assert.equal(wire.methods().at(-1), 'PATCH')
    assert.deepEqual((await browser.get()).json, {
      user: 'bob',
      cart: { coat: 1, hat: 2 },
      old: true,
      nothing: null
    })
  })

  it('saves on the version what has keys that JavaScript makes strings of', async () => {
    // A map with integers as keys is an atom to the daemon: a patch of one of them would drop the others.
    await fetch(`${daemon.url}/v1/sessions/${browser.id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ cart: { $map: [[1, 'coat'], [2, 'hat']] } })
    })
    const app = await start({
      pages: (app) =>
        app.post('/one', (req, res) => {
          req.session.cart[1] = 'scarf'
          res.end()
        })
    })
    await new Browser(app, browser.cookie).post('/one')
    assert.deepEqual(wire.methods(), ['GET', 'PUT'])
    assert.deepEqual((await browser.get()).json, { cart: { 1: 'scarf', 2: 'hat' } })
  })

  it('does not overwrite after a patch what others wrote before it', async () => {
    const app = await start({
      pages: (app) =>
        app.post('/thrice', async (req, res) => {
          const save = () => new Promise((resolve) => req.session.save(resolve))
          await browser.post('/put/language/fr')
          req.session.one = 1
          await save()
          req.session.two = null
          await save()
          req.session.three = 3
          res.end()
        })
    })
    await new Browser(app, browser.cookie).post('/thrice')
    const { cart, old, ...data } = (await browser.get()).json
    assert.deepEqual(data, { user: 'ann', language: 'fr', one: 1, two: null, three: 3 })
  })

  it('keeps parallel changes inside one value (express-session#361)', async () => {
    const app = await start({
      pages: (app) =>
        app.post('/slow', async (req, res) => {
          await browser.post('/update', { cart: { coat: 1, scarf: 3 } })
          req.session.cart.coat = 9
          res.end()
        })
    })
    await new Browser(app, browser.cookie).post('/slow')
    assert.deepEqual(wire.methods(), ['GET', 'GET', 'PATCH', 'PATCH'])
    assert.deepEqual((await browser.get()).json.cart, { coat: 9, scarf: 3 })
  })

  it('loses nothing of twelve requests, and needs no second try (express-session#361)', async () => {
    const items = Array.from({ length: 12 }, (_, number) => `item${number}`)
    await Promise.all(items.map((item) => browser.post(`/put/${item}/x`)))
    assert.equal(wire.requests.length, 24)
    assert.deepEqual(new Set(Object.keys((await browser.get()).json)), new Set(['user', 'cart', 'old', ...items]))
  })

  it('changes nothing if a conflict is to be an error', async () => {
    const app = await start({
      store: { conflict: 'raise' },
      pages: (app) =>
        app.post('/slow', async (req, res) => {
          await browser.post('/put/language/fr')
          req.session.cart = 'apple'
          req.session.save((error) => res.end(`${error}`))
        })
    })
    const answer = await new Browser(app, browser.cookie).post('/slow')
    assert.match(answer.text, /^ConflictError/)
    assert.deepEqual((await browser.get()).json, { user: 'ann', cart: { coat: 1, hat: 2 }, old: true, language: 'fr' })
  })

  it('brings nothing back that has been logged out (express-session#632)', async () => {
    const app = await start({
      pages: (app) =>
        app.post('/slow', async (req, res) => {
          await browser.post('/logout')
          req.session.cart = 'apple'
          res.end()
        })
    })
    const late = new Browser(app, browser.cookie)
    await late.post('/slow')
    assert.equal(wire.methods().at(-1), 'PATCH')
    assert.deepEqual((await late.get()).json, {})
    assert.match(app.logged.join(), /dropped/)
  })

  for (const status of [404, 410]) {
    it(`drops a patch that is answered ${status}`, async () => {
      wire.faults = [null, status]
      assert.equal((await browser.post('/put/user/bob')).status, 200)
      assert.deepEqual(wire.methods(), ['GET', 'PATCH'])
      assert.match(browser.app.logged.join(), /dropped/)
    })
  }

  for (const fault of ['drop', 'lose', 504, 503, 413]) {
    it(`never repeats a patch after ${fault}`, async () => {
      wire.faults = [null, fault]
      await browser.post('/put/user/bob')
      assert.deepEqual(wire.methods(), ['GET', 'PATCH'])
    })
  }

  it('says that a session has grown too large, and leaves it as it was', async () => {
    const store = new CoatcheckStore({ url: wire.url, save: 'merge' })
    const id = 'test-session-too-large'
    await store.set(id, { much: 'x'.repeat(600_000) })
    const data = await store.get(id)
    data.more = 'x'.repeat(600_000)
    await assert.rejects(store.set(id, data), (error) => !error.outage && /413/.test(error.message))
    assert.deepEqual(Object.keys(await store.get(id)), ['much'])
  })
})
