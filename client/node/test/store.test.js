'use strict'
// The store by itself, before the real daemon: connections, callbacks, and data that express-session has no place for.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { after, before, describe, it } = require('node:test')
const session = require('express-session')
const { CoatcheckError, CoatcheckStore } = require('..')
const { startDaemon, startWire } = require('../testing/daemon')

const TOKEN = `t0ken-${'x'.repeat(40)}`
let ids = 0

function newId() {
  return `test-session-${String(++ids).padStart(10, '0')}`
}

async function storeAndLoad(store) {
  const id = newId()
  await store.set(id, { user: 'ann' })
  return store.get(id)
}

describe('a CoatcheckStore', () => {
  let daemon
  let folder

  before(async () => {
    daemon = await startDaemon()
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'coatcheck-'))
  })
  after(async () => {
    await daemon.stop()
    fs.rmSync(folder, { recursive: true })
  })

  it('speaks to a Unix socket as to a port', async () => {
    const listen = `unix:${folder}/coatcheck.sock`
    const running = await startDaemon({ listen })
    try {
      for (const url of [listen, listen.replace('unix:', 'unix://')]) {
        assert.deepEqual(await storeAndLoad(new CoatcheckStore({ url })), { user: 'ann' })
      }
    } finally {
      await running.stop()
    }
  })

  it('uses one connection for many requests', async () => {
    const wire = await startWire(daemon)
    try {
      const store = new CoatcheckStore({ url: wire.url })
      for (let i = 0; i < 5; ++i) await storeAndLoad(store)
      assert.equal(wire.connections, 1)
    } finally {
      await wire.stop()
    }
  })

  it('does not use a connection from before a restart', async () => {
    const first = await startDaemon()
    const store = new CoatcheckStore({ url: first.url })
    await storeAndLoad(store)
    await first.stop()
    const second = await startDaemon({ listen: first.listen })
    try {
      assert.deepEqual(await storeAndLoad(store), { user: 'ann' })
    } finally {
      await second.stop()
    }
  })

  it('shows its token, from a file that may be replaced while the app runs', async () => {
    const running = await startDaemon({ COATCHECK_TOKEN: TOKEN })
    const tokenFile = path.join(folder, 'token')
    try {
      assert.deepEqual(await storeAndLoad(new CoatcheckStore({ url: running.url, token: TOKEN })), { user: 'ann' })
      fs.writeFileSync(tokenFile, 'outdated')
      const store = new CoatcheckStore({ url: running.url, tokenFile })
      await assert.rejects(storeAndLoad(store), (error) => error instanceof CoatcheckError && /401/.test(error.message))
      fs.writeFileSync(tokenFile, `${TOKEN}\n`)
      assert.deepEqual(await storeAndLoad(store), { user: 'ann' })
    } finally {
      await running.stop()
    }
  })

  it('finds daemon and token in the environment', async () => {
    const running = await startDaemon({ COATCHECK_TOKEN: TOKEN })
    Object.assign(process.env, { COATCHECK_URL: running.url, COATCHECK_TOKEN: TOKEN })
    try {
      assert.deepEqual(await storeAndLoad(new CoatcheckStore()), { user: 'ann' })
    } finally {
      delete process.env.COATCHECK_URL
      delete process.env.COATCHECK_TOKEN
      await running.stop()
    }
  })

  for (const [name, value] of [
    ['COATCHECK_URL', { url: 'redis://localhost' }],
    ['COATCHECK_URL', { url: 'unix:' }],
    ['conflict', { conflict: 'hope' }],
    ['outage', { outage: 'hope' }],
    ['save', { save: 'hope' }]
  ]) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      assert.throws(() => new CoatcheckStore(value), new RegExp(`^TypeError: ${name} is`))
    })
  }

  it('can be imported by name from an ES module', async () => {
    assert.equal((await import('../lib/store.js')).CoatcheckStore, CoatcheckStore)
  })

  it('answers callbacks, and null for an id that nobody has', (t, done) => {
    new CoatcheckStore({ url: daemon.url }).get(newId(), (error, session) => {
      assert.equal(error, null)
      assert.equal(session, null)
      done()
    })
  })

  it('takes an id that cannot be one for an unknown one', async () => {
    const store = new CoatcheckStore({ url: daemon.url })
    for (const id of ['x', 'not an id'.repeat(5), 'line\r\nbreak-0123456789']) assert.equal(await store.get(id), null)
  })

  it('touches what it has not loaded', async () => {
    const store = new CoatcheckStore({ url: daemon.url })
    const id = newId()
    await store.set(id, { user: 'ann' })
    await store.touch(id, {})
    await store.touch(newId(), {})
  })

  it('gives express-session objects to those who load one themselves', (t, done) => {
    const store = new CoatcheckStore({ url: daemon.url })
    session({ store, secret: 'x', resave: false, saveUninitialized: false, proxy: true })
    const id = newId()
    store.set(id, { user: 'ann' }, () => {
      store.load(id, (error, session) => {
        assert.equal(error, null)
        assert.equal(session.user, 'ann')
        assert.equal(session.id, id)
        session.user = 'bob'
        session.save((failed) => {
          assert.equal(failed, null)
          store.get(id, (_, data) => {
            assert.equal(data.user, 'bob')
            done()
          })
        })
      })
    })
  })

  it('leaves alone what another app keeps under names of express-session', async () => {
    const foreign = { cookie: 'oatmeal', id: 42, save: 'money', constructor: 'x', user: 'ann' }
    const id = newId()
    await fetch(`${daemon.url}/v1/sessions/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(foreign)
    })
    const store = new CoatcheckStore({ url: daemon.url })
    const req = { sessionID: id, sessionStore: store }
    const session = store.createSession(req, await store.get(id))
    session.user = 'bob'
    await store.set(id, session)
    const now = await (await fetch(`${daemon.url}/v1/sessions/${id}`)).json()
    assert.deepEqual(now, { ...foreign, user: 'bob' })
  })

  it('calls nobody for data without encoding', async () => {
    const store = new CoatcheckStore({ url: 'http://127.0.0.1:9' })
    await assert.rejects(store.set(newId(), { basket: new Set(['apple']) }), /^TypeError: session\.basket.*Set/)
  })
})
