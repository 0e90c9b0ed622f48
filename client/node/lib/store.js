'use strict'

const { randomBytes } = require('node:crypto')
const { Store } = require('express-session')
const { decode, hasOtherKeys } = require('./codec')
const { CoatcheckError, Daemon } = require('./daemon')
const { join, patch, rebase, same, snapshot } = require('./snapshot')

const MERGES = 100 // attempts; each time another writer was faster, and that one is through
const ABANDONED = 60 // seconds; longer than the rotation that abandons a session may take with its second try
const ID = /^[A-Za-z0-9._~,:-]{16,256}$/

// What the store knows of a session object, beside its data.
class Known {
  base = new Map() // what the app's object held when it was last loaded or written: a snapshot
  expiresIn = undefined // seconds, when loaded
  id = undefined // where it is stored, when loaded
  hidden = new Set(['cookie']) // keys of the data that express-session has no place for
  idle = undefined // seconds, by the cookie's maxAge when loaded or written
  ended = false
  otherKeys = false // the data as loaded has keys that are no strings, which `base` has as strings
  readOnly = false
  used = 0 // when the daemon last counted a use, ms
  version = undefined // undefined: not stored yet
  writes = Promise.resolve() // one after the other
}

class ConflictError extends CoatcheckError {
  constructor(what = 'changed') {
    super(`the session has been ${what} by another request`, { outage: false })
    this.name = 'ConflictError'
    this.status = 409
  }
}

class CoatcheckStore extends Store {
  #conflict
  #daemon
  #known = new WeakMap() // from session objects
  #log
  #outage
  #save

  constructor({
    url = process.env.COATCHECK_URL || 'http://127.0.0.1:8642',
    token = process.env.COATCHECK_TOKEN,
    tokenFile = process.env.COATCHECK_TOKEN_FILE,
    store,
    save = 'replace',
    conflict = 'merge',
    outage = 'error',
    log = console.warn
  } = {}) {
    super()
    this.#conflict = choice('conflict', conflict, ['merge', 'raise', 'overwrite'])
    this.#save = choice('save', save, ['replace', 'merge'])
    this.#outage = choice('outage', outage, ['error', 'read-only'])
    this.#daemon = new Daemon({ url, token, tokenFile, store })
    this.#log = (message) => log(`coatcheck: ${message}`)
    allowBigIntInJson()
  }

  get(id, callback) {
    return settle(this.#get(id), callback)
  }

  set(id, session, callback) {
    return settle(this.#set(id, session), callback)
  }

  touch(id, session, callback) {
    return settle(this.#touch(id, session), callback)
  }

  destroy(id, callback) {
    return settle(this.#daemon.end(id), callback)
  }

  // A new session with nothing in it, and the end of the old one, which only one of several parallel calls brings about;
  // the others fail. express-session's own lets each of them make a new session, and makes one, and with it a new
  // cookie, even if the old one could not be ended.
  regenerate(req, callback) {
    return settle(this.#regenerate(req), callback)
  }

  // Gives the request's session a new id and keeps its data: `req.session` is another object then. For `grace` seconds,
  // at most 60, the old id leads to the session, too; of parallel calls all get the same new id then, and else all but
  // one fail.
  rotate(req, ...rest) {
    const callback = typeof rest.at(-1) === 'function' ? rest.pop() : undefined
    return settle(this.#rotate(req, ...rest), callback)
  }

  // express-session's own, and the `cookie` that the shared data does not have.
  createSession(req, data) {
    const known = this.#known.get(data) ?? new Known()
    if (known.id !== undefined) req.sessionID = known.id // an old one, within its grace, gives way to the new one
    data.cookie = this.#cookie(req, known)
    const session = super.createSession(req, data)
    for (const key of known.base.keys()) {
      if (!Object.prototype.propertyIsEnumerable.call(session, key)) known.hidden.add(key)
    }
    known.idle = idle(session)
    this.#known.set(session, known)
    return session
  }

  async #get(id) {
    if (!ID.test(id)) return null
    const known = new Known()
    let data = {}
    try {
      const stored = await this.#daemon.load(id)
      if (stored === null) return null
      data = decode(stored.body)
      known.base = snapshot(data)
      known.otherKeys = this.#save === 'merge' && hasOtherKeys(stored.body)
      known.expiresIn = stored.expiresIn
      known.used = Date.now()
      known.version = stored.version
      known.id = stored.id
    } catch (error) {
      if (!error.outage || this.#outage === 'error') throw error
      this.#log(`anonymous and read-only: ${error.message}`)
      known.readOnly = true
    }
    this.#known.set(data, known)
    return data
  }

  async #set(id, session) {
    const known = this.#known.get(session) ?? new Known()
    this.#known.set(session, known)
    const mine = Object.fromEntries(Object.entries(session).filter(([key]) => key !== 'cookie'))
    // Encoded at once: the app may change the session further while an earlier write is under way.
    const change = { id, known, now: snapshot(mine), idle: idle(session) }
    const written = known.writes.then(() => this.#write(change))
    known.writes = written.catch(() => {})
    return written
  }

  async #write({ id, known, now, idle }) {
    if (known.readOnly) return this.#log('a write was dropped, because the session could not be loaded')
    if (known.ended) return this.#drop(known)
    const stored = known.version !== undefined
    const mine = new Map(now)
    for (const key of known.hidden) if (known.base.has(key)) mine.set(key, known.base.get(key))
    const newIdle = idle === known.idle ? undefined : idle
    if (newIdle === undefined && same(mine, known.base)) return stored && this.#use(id, known)
    if (mine.size === 0) return stored && this.#end(id, known) // nobody needs an empty session kept
    const answer = await this.#send(id, known, mine, newIdle)
    if (answer.locked) throw new ConflictError('locked')
    if (answer.stale && this.#conflict === 'raise') throw new ConflictError()
    if (answer.stale && !(await this.#merge(id, known, mine, newIdle))) return
    if (answer.gone) return this.#drop(known)
    // After a merge the version stays the old one: the app's object lacks what the others wrote, so its next write
    // merges too.
    known.version = answer.version ?? known.version
    known.base = mine
    known.idle = idle
    known.used = Date.now()
  }

  // Resolves as the daemon's `write` does, but without a version if that may hold what others wrote.
  async #send(id, known, mine, newIdle) {
    const stored = known.version !== undefined
    const changes = stored && this.#save === 'merge' && !known.otherKeys ? patch(known.base, mine) : undefined
    if (!changes) {
      const match = stored && this.#conflict === 'overwrite' ? '*' : known.version
      return this.#daemon.write(id, join(mine), match, newIdle)
    }
    if (this.#conflict === 'raise') return this.#daemon.patch(id, changes, known.version, newIdle)
    return { ...(await this.#daemon.patch(id, changes, undefined, newIdle)), version: undefined }
  }

  // Resolves to whether the session was still there.
  async #merge(id, known, mine, newIdle) {
    for (let attempt = 0; attempt < MERGES; ++attempt) {
      const stored = await this.#daemon.load(id, { use: false })
      if (stored === null) return this.#drop(known)
      const merged = rebase(snapshot(decode(stored.body)), known.base, mine)
      if (merged.size === 0) return this.#end(id, known)
      const answer = await this.#daemon.write(id, join(merged), stored.version, newIdle)
      if (answer.locked) throw new ConflictError('locked')
      if (answer.gone) return this.#drop(known)
      if (!answer.stale) return true
    }
    throw new ConflictError()
  }

  async #end(id, known) {
    known.ended = true
    known.version = undefined
    await this.#daemon.end(id)
  }

  #drop(known) {
    known.ended = true
    this.#log('a write was dropped, because its session has ended')
  }

  async #touch(id, session) {
    const known = this.#known.get(session)
    if (known?.readOnly || known?.ended) return
    const wanted = idle(session)
    if (known?.version && wanted !== undefined && wanted !== known.idle) return this.#set(id, session)
    return this.#use(id, known)
  }

  // A load or a write has just counted as a use for most requests.
  async #use(id, known) {
    if (known && Date.now() - known.used < 1000) return
    await this.#daemon.touch(id)
    if (known) known.used = Date.now()
  }

  async #regenerate(req) {
    if (await this.#isStored(req.session)) {
      const { readOnly } = this.#known.get(req.session)
      // Exactly one of those who try gets the session away from its id, to one that nobody learns, where it ends.
      const nowhere = randomBytes(32).toString('base64url')
      const { gone, locked } = await this.#daemon.rotate(req.sessionID, nowhere, { idle: ABANDONED })
      if (gone && !readOnly) throw new ConflictError('regenerated or ended')
      if (locked) await this.#daemon.end(req.sessionID) // a logout waits for nobody
      else if (!gone) await this.#daemon.end(nowhere).catch(() => {}) // it ends by itself then
    }
    this.generate(req)
  }

  async #rotate(req, { grace = 0 } = {}) {
    const old = req.session
    if (!(await this.#isStored(old))) return // its id is new already
    const { gone, locked, id } = await this.#daemon.rotate(req.sessionID, this.#generated(req).sessionID, { grace })
    if (gone) throw new ConflictError('regenerated or ended')
    if (locked) throw new ConflictError('locked')
    req.sessionID = id
    const session = super.createSession(req, { ...old, cookie: old.cookie.data })
    this.#known.set(session, { ...this.#known.get(old) })
  }

  // Whether the daemon has it, or may have it. Its writes are over then.
  async #isStored(session) {
    const known = this.#known.get(session)
    await known?.writes
    return known !== undefined && (known.version !== undefined || known.readOnly)
  }

  // What express-session makes for a request without a session, beside the request's own.
  #generated(req) {
    const fresh = Object.create(req, { sessionID: { writable: true }, session: { writable: true } })
    if (!req.headers) fresh.headers = {} // Store.load makes a request that has none
    this.generate(fresh)
    return fresh
  }

  // The app's own cookie options, which express-session applies in `generate`, with the session's own lifetime where
  // it is another than theirs. The daemon extends a session by up to a tenth more than its idle time.
  #cookie(req, known) {
    if (!this.generate) return {}
    const { session } = this.#generated(req)
    const { cookie } = session
    const seconds = idle(session)
    if (seconds !== undefined && known.expiresIn !== undefined) {
      if (known.expiresIn < seconds - 1 || known.expiresIn > seconds * 1.1 + 1) cookie.maxAge = known.expiresIn * 1000
    }
    return cookie.data
  }
}

// Seconds without use after which the session may end, or undefined: the daemon's default.
function idle(session) {
  const milliseconds = session.cookie?.originalMaxAge
  return typeof milliseconds === 'number' ? Math.round(milliseconds / 1000) : undefined
}

function choice(name, value, choices) {
  if (choices.includes(value)) return value
  throw new TypeError(`${name} is ${value}, not one of ${choices.join(', ')}`)
}

// Callbacks run outside the promise, so that what they throw is not swallowed.
function settle(promise, callback) {
  if (!callback) return promise
  promise.then(
    (value) => process.nextTick(callback, null, value),
    (error) => process.nextTick(callback, error)
  )
}

// express-session compares sessions as JSON, which refuses BigInt unless it says how it wants to be written.
function allowBigIntInJson() {
  if (BigInt.prototype.toJSON) return
  Object.defineProperty(BigInt.prototype, 'toJSON', {
    configurable: true,
    writable: true,
    value() {
      return this.toString()
    }
  })
}

module.exports = { CoatcheckError, CoatcheckStore, ConflictError }
