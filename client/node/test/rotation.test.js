'use strict'
// New ids: req.session.regenerate, which drops the data, and store.rotate, which keeps it.

const assert = require('node:assert/strict')
const { after, afterEach, before, beforeEach, describe, it } = require('node:test')
const { decode } = require('../lib/codec')
const { Browser, startApp } = require('../testing/app')
const { startDaemon, startWire } = require('../testing/daemon')

describe('an Express app that changes ids', () => {
  let app
  let browser
  let daemon
  let stops
  let thief
  let wire

  before(async () => {
    daemon = await startDaemon()
  })
  after(() => daemon.stop())
  beforeEach(async () => {
    wire = await startWire(daemon)
    stops = [wire.stop]
    app = await start()
    browser = new Browser(app)
    await browser.post('/put/cart/apple')
    thief = new Browser(app, browser.cookie)
    wire.requests.length = 0
  })
  afterEach(() => Promise.all(stops.map((stop) => stop())))

  // Pages wait for one another where the test says how many of them there are.
  let together = 1
  let waiting = []

  function allHere() {
    return new Promise((resolve) => {
      if (waiting.push(resolve) < together) return
      for (const go of waiting.splice(0)) go()
    })
  }

  async function start({ store, ...options } = {}) {
    const started = await startApp({
      store: { url: wire.url, ...store },
      ...options,
      pages: (app) => {
        app.post('/login/:user', async (req, res, next) => {
          await allHere()
          req.session.regenerate((error) => {
            if (error) return next(error)
            req.session.user = req.params.user
            res.end('in')
          })
        })
        app.post('/forget', (req, res, next) => {
          req.session.regenerate((error) => (error ? next(error) : res.end('out')))
        })
        app.post('/rotate/:grace', async (req, res, next) => {
          await allHere()
          req.session.before = 1
          req.sessionStore.rotate(req, { grace: Number(req.params.grace) }, (error) => {
            if (error) return next(error)
            req.session.after = 1
            res.end('rotated')
          })
        })
        app.post('/promise', async (req, res) => {
          await req.sessionStore.rotate(req)
          res.end('rotated')
        })
        app.post('/emptied', (req, res, next) => {
          delete req.session.cart
          req.session.save()
          req.session.regenerate((error) => (error ? next(error) : res.end('out')))
        })
        app.post('/save', (req, res) => {
          req.session.late = 1
          req.session.save((error) => res.end(`${error}`))
        })
        app.post('/remember', (req, res) => {
          req.session.cookie.maxAge = 30 * 86400_000
          res.end('remembered')
        })
        // Another request with the same cookie comes and goes after this one has loaded the session.
        app.post('/slow', async (req, res) => {
          await new Browser(started, req.headers.cookie).post(req.query.during)
          if (req.query.rotate) await req.sessionStore.rotate(req)
          req.session.late = 1
          res.end('slow')
        })
      }
    })
    stops.push(started.stop)
    return started
  }

  // The ids under which there is a session, of all that have been named to the daemon.
  async function living() {
    const rotated = wire.requests.filter(({ path }) => path.endsWith('/rotate')).map(({ body }) => decode(body).id)
    const named = new Set([...wire.requests.map(({ headers }) => headers['session-id']), ...rotated])
    const found = await Promise.all(
      [...named].map(async (id) => [id, (await fetch(`${daemon.url}/v1/sessions/${id}?peek`)).status])
    )
    return found.filter(([, status]) => status === 200).map(([id]) => id)
  }

  async function lock(id) {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${daemon.url}/v1/sessions/${id}/lock`, { method: 'POST', headers, body: '{}' })
    assert.equal(answer.status, 200)
  }

  // That many requests of one browser, none of which goes on before all have loaded the session.
  function inParallel(count, path) {
    together = count
    const tabs = Array.from({ length: count }, () => new Browser(app, browser.cookie))
    return Promise.all(tabs.map(async (tab) => ({ tab, ...(await tab.post(path)) }))).finally(() => (together = 1))
  }

  describe('by regenerate', () => {
    it('leaves nothing of the old session under any id', async () => {
      await browser.post('/forget')
      assert.deepEqual(wire.methods(), ['GET', 'rotate', 'DELETE'])
      assert.deepEqual(await living(), [])
    })

    it('creates the new session as one that has nothing of the old', async () => {
      await browser.post('/login/ann')
      assert.deepEqual(wire.methods(), ['GET', 'rotate', 'DELETE', 'PUT'])
      assert.equal(wire.requests[3].headers['if-none-match'], '*')
      assert.deepEqual((await browser.get()).json, { user: 'ann' })
      assert.deepEqual((await thief.get()).json, {})
      assert.deepEqual(await living(), [browser.id])
    })

    it('asks nobody for an end of what was never stored', async () => {
      await new Browser(app).post('/login/ann')
      assert.deepEqual(wire.methods(), ['PUT'])
    })

    it('may come after a save that has emptied the session', async () => {
      assert.equal((await browser.post('/emptied')).status, 200)
      assert.deepEqual(wire.methods(), ['GET', 'DELETE'])
    })

    for (const count of [2, 8]) {
      it(`${count === 2 ? 'two' : count} parallel regenerates leave one session (express-session#923)`, async () => {
        const answers = await inParallel(count, '/login/ann')
        const [winner, ...losers] = answers.sort((one, other) => one.status - other.status)
        assert.equal(winner.status, 200)
        assert.deepEqual((await winner.tab.get()).json, { user: 'ann' })
        for (const { status, header, text } of losers) {
          assert.deepEqual([status, header], [409, null])
          assert.match(text, /^ConflictError/)
        }
        assert.deepEqual(await living(), [winner.tab.id])
      })
    }

    it('a save that comes after it brings nothing back (express-session#632)', async () => {
      assert.equal((await browser.post('/slow?during=/login/ann')).status, 200)
      assert.match(app.logged.join(), /dropped/)
      const [id, ...others] = await living()
      assert.deepEqual(others, [])
      assert.deepEqual(await (await fetch(`${daemon.url}/v1/sessions/${id}`)).json(), { user: 'ann' })
    })

    it('asks again for a new id if the answer was lost', async () => {
      wire.faults = [null, 'lose']
      assert.equal((await browser.post('/login/ann')).status, 200)
      assert.deepEqual(wire.methods(), ['GET', 'rotate', 'rotate', 'DELETE', 'PUT'])
      assert.deepEqual(wire.requests[1].body, wire.requests[2].body)
      assert.deepEqual(await living(), [browser.id])
    })

    it('does not fail because the data that nobody reaches any more could not be ended, which then ends soon', async () => {
      wire.faults = [null, null, 503]
      assert.equal((await browser.post('/login/ann')).status, 200)
      assert.equal(wire.requests[1].headers['session-idle-timeout'], '60')
      assert.deepEqual((await browser.get()).json, { user: 'ann' })
      assert.deepEqual((await thief.get()).json, {})
    })

    it('waits for nobody who has locked the session', async () => {
      await lock(browser.id)
      assert.equal((await browser.post('/login/ann')).status, 200)
      assert.deepEqual(wire.methods(), ['GET', 'rotate', 'DELETE', 'PUT'])
      assert.deepEqual(await living(), [browser.id])
    })

    it('ends what could not be read during an outage, or was not there', async () => {
      const reader = await start({ store: { outage: 'read-only' } })
      wire.faults = [503]
      await new Browser(reader, browser.cookie).post('/login/ann')
      assert.deepEqual((await thief.get()).json, {})
      wire.faults = [503]
      const again = new Browser(reader, thief.cookie)
      assert.equal((await again.post('/login/ann')).status, 200)
      assert.deepEqual((await again.get()).json, { user: 'ann' })
    })
  })

  describe('by store.rotate', () => {
    it('keeps the data under a new id, and the old one opens nothing', async () => {
      const answer = await browser.post('/promise')
      assert.equal(answer.status, 200)
      assert.deepEqual(wire.methods(), ['GET', 'rotate'])
      assert.notEqual(browser.id, thief.id)
      assert.deepEqual((await browser.get()).json, { cart: 'apple' })
      assert.deepEqual((await thief.get()).json, {})
      assert.deepEqual(await living(), [browser.id])
    })

    for (const save of ['replace', 'merge']) {
      it(`saves under the new id what was changed before and after it (${save})`, async () => {
        app = await start({ store: { save } })
        browser = new Browser(app, browser.cookie)
        await browser.post('/rotate/0')
        assert.deepEqual(wire.methods(), ['GET', 'rotate', save === 'merge' ? 'PATCH' : 'PUT'])
        assert.equal(wire.requests[2].headers['session-id'], browser.id)
        assert.deepEqual((await browser.get()).json, { cart: 'apple', before: 1, after: 1 })
      })

      it(`keeps what another request wrote before it (express-session#361, ${save})`, async () => {
        browser = new Browser(await start({ store: { save } }), browser.cookie)
        await browser.post('/slow?rotate=1&during=/put/language/fr')
        assert.deepEqual((await browser.get()).json, { cart: 'apple', language: 'fr', late: 1 })
      })
    }

    it('of parallel ones without grace one wins, and one session is left (express-session#923)', async () => {
      const answers = await inParallel(8, '/rotate/0')
      const [winner, ...losers] = answers.sort((one, other) => one.status - other.status)
      assert.deepEqual((await winner.tab.get()).json, { cart: 'apple', before: 1, after: 1 })
      for (const { status, header } of losers) assert.deepEqual([status, header], [409, null])
      assert.deepEqual(await living(), [winner.tab.id])
    })

    it('gives parallel ones the same new id within the grace (express-session#923)', async () => {
      const answers = await inParallel(8, '/rotate/10')
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
      const ids = new Set(answers.map(({ tab }) => tab.id))
      assert.equal(ids.size, 1)
      const [id] = ids
      assert.notEqual(id, browser.id)
      for (const visitor of [answers[0].tab, thief]) {
        assert.deepEqual((await visitor.get()).json, { cart: 'apple', before: 1, after: 1 })
      }
    })

    it('lets a parallel request save under the old id within the grace', async () => {
      await browser.post('/rotate/10')
      await thief.post('/put/language/fr')
      assert.equal((await browser.get()).json.language, 'fr')
    })

    it('gives the new id to whoever comes by the old one within the grace, and writes', async () => {
      await browser.post('/rotate/10')
      assert.notEqual(thief.id, browser.id)
      assert.equal((await thief.get()).json.cart, 'apple')
      await thief.post('/put/language/fr')
      assert.equal(thief.id, browser.id)
      assert.equal((await browser.get()).json.language, 'fr')
    })

    it('a save that comes after it, without grace, brings nothing back (express-session#632)', async () => {
      assert.equal((await browser.post('/slow?during=/promise')).status, 200)
      assert.deepEqual((await thief.get()).json, {})
      assert.match(app.logged.join(), /dropped/)
    })

    it('asks again for the same new id if the answer was lost', async () => {
      wire.faults = [null, 'lose']
      assert.equal((await browser.post('/promise')).status, 200)
      assert.deepEqual(wire.methods(), ['GET', 'rotate', 'rotate'])
      assert.deepEqual(wire.requests[1].body, wire.requests[2].body)
      assert.deepEqual((await browser.get()).json, { cart: 'apple' })
    })

    it('keeps the session and the cookie in an outage', async () => {
      wire.faults = [null, 503]
      const answer = await browser.post('/promise')
      assert.deepEqual([answer.status, answer.header], [503, null])
      assert.deepEqual((await browser.get()).json, { cart: 'apple' })
    })

    it('is a conflict, as a save is, while others have locked the session', async () => {
      await lock(browser.id)
      const answer = await browser.post('/promise')
      assert.deepEqual([answer.status, answer.header], [409, null])
      for (const save of ['replace', 'merge']) {
        const saving = new Browser(await start({ store: { save } }), browser.cookie)
        assert.match((await saving.post('/save')).text, /^ConflictError.*locked/)
      }
      assert.deepEqual((await browser.get()).json, { cart: 'apple' })
    })

    it('does nothing for a session that is not stored: its id is new', async () => {
      const visitor = new Browser(app)
      await visitor.post('/rotate/0')
      assert.deepEqual(wire.methods(), ['PUT'])
      assert.deepEqual((await visitor.get()).json, { before: 1, after: 1 })
    })

    it('keeps a lifetime that the session has of its own', async () => {
      const lasting = new Browser(await start({ cookie: { maxAge: 3600_000 } }))
      await lasting.post('/put/user/ann')
      await lasting.post('/remember')
      const { header } = await lasting.post('/promise')
      assert.ok(Date.parse(header.match(/Expires=([^;]+)/)[1]) > Date.now() + 29 * 86400_000)
      assert.ok((await lasting.get('/cookie')).json.originalMaxAge > 29 * 86400_000)
    })
  })
})
