'use strict'
// The store under express-session, in a real Express app, before the real daemon.

const assert = require('node:assert/strict')
const { after, afterEach, before, beforeEach, describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { Browser, startApp } = require('../testing/app')
const { freePort, startDaemon, startWire } = require('../testing/daemon')

describe('an Express app', () => {
  let daemon
  let wire
  let stops

  before(async () => {
    daemon = await startDaemon()
  })
  after(() => daemon.stop())
  beforeEach(async () => {
    wire = await startWire(daemon)
    stops = [wire.stop]
  })
  afterEach(() => Promise.all(stops.map((stop) => stop())))

  async function start({ store, ...options } = {}) {
    const app = await startApp({ store: { url: wire.url, ...store }, ...options })
    stops.push(app.stop)
    return app
  }

  describe('in its daily life', () => {
    it('calls nobody for a request without cookie that writes nothing', async () => {
      const answer = await new Browser(await start()).get()
      assert.deepEqual(answer.json, {})
      assert.equal(answer.header, null)
      assert.deepEqual(wire.requests, [])
    })

    it('reads in one request what it wrote in another', async () => {
      const browser = new Browser(await start())
      await browser.post('/put/user/ann')
      assert.deepEqual((await browser.get()).json, { user: 'ann' })
    })

    it('creates conditionally and saves on the version', async () => {
      const browser = new Browser(await start())
      await browser.post('/put/user/ann')
      await browser.post('/put/cart/apple')
      assert.deepEqual(wire.methods(), ['PUT', 'GET', 'PUT'])
      assert.equal(wire.requests[0].headers['if-none-match'], '*')
      assert.match(wire.requests[2].headers['if-match'], /^"/)
    })

    it('sends ids in a header and never in a path', async () => {
      const browser = new Browser(await start())
      await browser.post('/put/user/ann')
      await browser.get()
      assert.deepEqual(new Set(wire.requests.map(({ path }) => path)), new Set(['/v1/session']))
      assert.equal(wire.requests[1].headers['session-id'], browser.id)
    })

    it('writes a change inside a value', async () => {
      const app = await start({
        pages: (app) =>
          app.post('/nested', (req, res) => {
            req.session.cart ??= { items: [] }
            req.session.cart.items.push('apple')
            res.end()
          })
      })
      const browser = new Browser(app)
      await browser.post('/nested')
      await browser.post('/nested')
      assert.deepEqual((await browser.get()).json, { cart: { items: ['apple', 'apple'] } })
    })

    it('writes nothing unchanged, even with resave', async () => {
      const browser = new Browser(await start({ resave: true }))
      await browser.post('/put/user/ann')
      await browser.post('/put/user/ann')
      await browser.get()
      assert.deepEqual(wire.methods(), ['PUT', 'GET', 'GET'])
    })

    it('stores no empty session, even with saveUninitialized', async () => {
      await new Browser(await start({ saveUninitialized: true })).get()
      assert.deepEqual(wire.requests, [])
    })

    it('touches at the end of a long request, since the load was a while ago', async () => {
      const app = await start({
        pages: (app) => app.get('/long', (req, res) => setTimeout(() => res.end(), 1100))
      })
      const browser = new Browser(app)
      await browser.post('/put/user/ann')
      await browser.get('/long')
      assert.deepEqual(wire.methods(), ['PUT', 'GET', 'touch'])
    })

    it('ends the session at destroy, for every browser that has the cookie', async () => {
      const app = await start()
      const browser = new Browser(app)
      await browser.post('/put/user/ann')
      const thief = new Browser(app, browser.cookie)
      await browser.post('/logout')
      assert.deepEqual(wire.methods(), ['PUT', 'GET', 'DELETE'])
      assert.deepEqual((await thief.get()).json, {})
    })

    it('ends a session that has been emptied', async () => {
      const app = await start({
        pages: (app) =>
          app.post('/empty', (req, res) => {
            delete req.session.user
            res.end()
          })
      })
      const browser = new Browser(app)
      await browser.post('/put/user/ann')
      await browser.post('/empty')
      assert.deepEqual(wire.methods(), ['PUT', 'GET', 'DELETE'])
    })

    it('gives a new id at regenerate, and the old one opens nothing', async () => {
      const app = await start()
      const browser = new Browser(app)
      await browser.post('/put/cart/apple')
      const thief = new Browser(app, browser.cookie)
      await browser.post('/regenerate')
      assert.notEqual(browser.cookie, thief.cookie)
      assert.deepEqual((await browser.get()).json, { user: 'ann' })
      assert.deepEqual((await thief.get()).json, {})
    })

    it('starts a new session under a new id when the old one has ended', async () => {
      const app = await start()
      const browser = new Browser(app)
      await browser.post('/put/user/ann')
      const { cookie } = browser
      await browser.post('/logout')
      await browser.post('/put/user/bob')
      assert.notEqual(browser.cookie, cookie)
      assert.deepEqual((await browser.get()).json, { user: 'bob' })
    })

    it('takes a named store into the path', async () => {
      const browser = new Browser(await start({ store: { store: 'default' } }))
      await browser.post('/put/user/ann')
      assert.deepEqual((await browser.get()).json, { user: 'ann' })
      assert.equal(wire.requests[0].path, '/v1/stores/default/session')
    })
  })

  describe('and its cookie', () => {
    it("keeps express-session's member out of the data and rebuilds it from the app's options", async () => {
      const cookie = { maxAge: 3600_000, sameSite: 'lax', path: '/' }
      const browser = new Browser(await start({ cookie }))
      await browser.post('/put/user/ann')
      const rebuilt = (await browser.get('/cookie')).json
      assert.equal(rebuilt.originalMaxAge, 3600_000)
      assert.equal(rebuilt.sameSite, 'lax')
      assert.equal(rebuilt.httpOnly, true)
      const answer = await fetch(`${daemon.url}/v1/sessions/${browser.id}`)
      assert.deepEqual(await answer.json(), { user: 'ann' })
    })

    it("makes maxAge the session's idle timeout", async () => {
      const browser = new Browser(await start({ cookie: { maxAge: 7200_000 } }))
      await browser.post('/put/user/ann')
      assert.equal(wire.requests[0].headers['session-idle-timeout'], '7200')
    })

    it('leaves the idle timeout to the daemon if there is no maxAge', async () => {
      const browser = new Browser(await start())
      await browser.post('/put/user/ann')
      assert.equal(wire.requests[0].headers['session-idle-timeout'], undefined)
    })

    it('cuts a maxAge longer than the daemon allows to 400 days', async () => {
      const browser = new Browser(await start({ cookie: { maxAge: 3650 * 86400_000 } }))
      assert.equal((await browser.post('/put/user/ann')).status, 200)
      assert.equal(wire.requests[0].headers['session-idle-timeout'], String(400 * 86400))
    })

    it('remembers a session longer if the app changed nothing but its maxAge', async () => {
      const app = await start({
        cookie: { maxAge: 3600_000 },
        pages: (app) =>
          app.post('/remember', (req, res) => {
            req.session.cookie.maxAge = 30 * 86400_000
            res.end()
          })
      })
      const browser = new Browser(app)
      await browser.post('/put/user/ann')
      await browser.post('/remember')
      assert.equal(wire.requests.at(-1).headers['session-idle-timeout'], String(30 * 86400))
      await browser.post('/put/cart/apple')
      assert.equal(wire.requests.at(-1).headers['session-idle-timeout'], undefined)
      assert.ok((await browser.get('/cookie')).json.originalMaxAge >= 30 * 86400_000)
    })

    it('is no session if it is not signed', async () => {
      const app = await start()
      const browser = new Browser(app)
      await browser.post('/put/user/ann')
      assert.deepEqual((await new Browser(app, `connect.sid=${browser.id}`).get()).json, {})
    })
  })

  describe('with two requests at once', () => {
    // A request that has loaded its session and waits until `finish`.
    async function slow(options = {}) {
      let release
      let loaded
      const isLoaded = new Promise((resolve) => (loaded = resolve))
      const app = await start({
        ...options,
        pages: (app) =>
          app.post('/slow', (req, res) => {
            loaded()
            release = () => {
              req.session.cart = 'apple'
              res.end()
            }
          })
      })
      const browser = new Browser(app)
      await browser.post('/put/user/ann')
      const other = new Browser(app, browser.cookie)
      const answer = browser.post('/slow')
      await isLoaded
      return {
        app,
        other,
        finish() {
          release()
          return answer
        }
      }
    }

    it('keeps both changes of different keys (express-session#361)', async () => {
      const { other, finish } = await slow()
      await other.post('/put/language/fr')
      await finish()
      assert.deepEqual((await other.get()).json, { user: 'ann', cart: 'apple', language: 'fr' })
    })

    it('keeps the later of two changes of one key', async () => {
      const { other, finish } = await slow()
      await other.post('/put/cart/pear')
      await finish()
      assert.equal((await other.get()).json.cart, 'apple')
    })

    it('changes nothing if a conflict is to be an error', async () => {
      const { other, finish } = await slow({ store: { conflict: 'raise' } })
      await other.post('/put/language/fr')
      await finish()
      assert.deepEqual((await other.get()).json, { user: 'ann', language: 'fr' })
    })

    it('replaces everything if the last write is to win', async () => {
      const { other, finish } = await slow({ store: { conflict: 'overwrite' } })
      await other.post('/put/language/fr')
      await finish()
      assert.deepEqual((await other.get()).json, { user: 'ann', cart: 'apple' })
    })

    for (const conflict of ['merge', 'raise', 'overwrite']) {
      it(`brings nothing back that has been logged out (express-session#632, ${conflict})`, async () => {
        const { app, other, finish } = await slow({ store: { conflict } })
        const { cookie, id } = other
        await other.post('/logout')
        assert.equal((await finish()).status, 200)
        assert.deepEqual((await new Browser(app, cookie).get()).json, {})
        assert.match(app.logged.join(), /dropped/)
        assert.ok(!app.logged.join().includes(id))
      })
    }

    it('brings nothing back that ends between a refused write and the next try', async () => {
      const { app, other, finish } = await slow()
      const { cookie } = other
      await other.post('/logout')
      wire.faults = [412]
      assert.equal((await finish()).status, 200)
      assert.equal(wire.methods().at(-1), 'GET')
      assert.deepEqual((await new Browser(app, cookie).get()).json, {})
      assert.match(app.logged.join(), /dropped/)
    })

    it('loses nothing of twelve requests', async () => {
      const browser = new Browser(await start())
      await browser.post('/put/user/ann')
      const items = Array.from({ length: 12 }, (_, number) => `item${number}`)
      await Promise.all(items.map((item) => browser.post(`/put/${item}/x`)))
      assert.deepEqual(new Set(Object.keys((await browser.get()).json)), new Set(['user', ...items]))
    })

    it('writes one after the other what one request saves twice', async () => {
      const app = await start({
        pages: (app) =>
          app.post('/twice', (req, res) => {
            req.session.first = 1
            req.session.save()
            req.session.second = 2
            res.end()
          })
      })
      const browser = new Browser(app)
      await browser.post('/twice')
      assert.deepEqual((await browser.get()).json, { first: 1, second: 2 })
      assert.deepEqual(app.logged, [])
    })

    it('merges again what one request saves again after a merge', async () => {
      let other
      const app = await start({
        pages: (app) =>
          app.post('/again', async (req, res) => {
            await other.post('/put/language/fr')
            req.session.first = 1
            await new Promise((resolve) => req.session.save(resolve))
            req.session.second = 2
            res.end()
          })
      })
      const browser = new Browser(app)
      await browser.post('/put/user/ann')
      other = new Browser(app, browser.cookie)
      await browser.post('/again')
      assert.deepEqual((await other.get()).json, { user: 'ann', language: 'fr', first: 1, second: 2 })
    })
  })

  describe('while the daemon is away', () => {
    let browser

    beforeEach(async () => {
      browser = new Browser(await start())
      await browser.post('/put/user/ann')
      wire.requests.length = 0
    })

    for (const fault of ['drop', 504]) {
      it(`reads once more after ${fault}`, async () => {
        wire.faults = [fault]
        assert.deepEqual((await browser.get()).json, { user: 'ann' })
        assert.deepEqual(wire.methods(), ['GET', 'GET'])
      })

      it(`ends once more after ${fault}`, async () => {
        wire.faults = [null, fault]
        assert.equal((await browser.post('/logout')).status, 200)
        assert.deepEqual(wire.methods(), ['GET', 'DELETE', 'DELETE'])
      })
    }

    for (const faults of [['drop', 'drop'], [504, 504], [503], [500]]) {
      it(`answers 503 and never sets a cookie after ${faults}`, async () => {
        wire.faults = [...faults]
        const answer = await browser.get()
        assert.equal(answer.status, 503)
        assert.equal(answer.header, null)
        assert.equal(wire.methods().length, faults.length)
        assert.deepEqual((await browser.get()).json, { user: 'ann' })
      })
    }

    for (const fault of ['drop', 'lose', 504, 503]) {
      it(`never repeats a write after ${fault}`, async () => {
        wire.faults = [null, fault]
        await browser.post('/put/cart/apple')
        assert.deepEqual(wire.methods(), ['GET', 'PUT'])
      })
    }

    it('keeps the session and the cookie if regenerate fails', async () => {
      wire.faults = [null, 503]
      const answer = await browser.post('/regenerate')
      assert.equal(answer.status, 503)
      assert.equal(answer.header, null)
      assert.deepEqual((await browser.get()).json, { user: 'ann' })
    })

    it('is anonymous and writes nothing if that is the choice', async () => {
      const app = await start({ store: { outage: 'read-only' } })
      const reader = new Browser(app, browser.cookie)
      wire.faults = [503, 503]
      const [reading, writing] = [await reader.get(), await reader.post('/put/cart/apple')]
      assert.deepEqual(reading.json, {})
      assert.deepEqual([reading.header, writing.header], [null, null])
      assert.deepEqual(wire.methods(), ['GET', 'GET'])
      assert.match(app.logged.join(), /read-only/)
      assert.deepEqual((await reader.get()).json, { user: 'ann' })
    })

    it('takes a refused token for an error, even where outages are none', async () => {
      const app = await start({ store: { outage: 'read-only' } })
      wire.faults = [401]
      assert.equal((await new Browser(app, browser.cookie).get()).status, 500)
    })

    it('answers at once if nobody listens', async () => {
      const app = await start({ store: { url: `http://127.0.0.1:${await freePort()}` } })
      const started = Date.now()
      assert.equal((await new Browser(app, browser.cookie).get()).status, 503)
      assert.ok(Date.now() - started < 1000)
    })

    for (const missing of ['the socket', 'the token file']) {
      it(`is not logged out because ${missing} does not exist`, async () => {
        const store = missing === 'the socket' ? { url: 'unix:/nowhere/coatcheck.sock' } : { tokenFile: '/nowhere/token' }
        const answer = await new Browser(await start({ store }), browser.cookie).post('/put/user/bob')
        assert.ok(answer.status >= 500)
        assert.equal(answer.header, null)
      })
    }

    it('waits three seconds a try for one that hangs', async () => {
      const hanging = await startDaemon()
      stops.push(hanging.stop)
      const app = await start({ store: { url: hanging.url } })
      const waiting = new Browser(app)
      await waiting.post('/put/user/ann')
      hanging.child.kill('SIGSTOP')
      await sleep(50)
      const started = Date.now()
      assert.equal((await waiting.get()).status, 503)
      const took = Date.now() - started
      hanging.child.kill('SIGCONT')
      assert.ok(took > 5500 && took < 8000, `${took} ms`)
      assert.deepEqual((await waiting.get()).json, { user: 'ann' })
    })
  })
})
