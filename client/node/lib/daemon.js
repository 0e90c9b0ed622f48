'use strict'
// The daemon's HTTP interface, as far as a session store needs it.

const fs = require('node:fs')
const http = require('node:http')
const { encode } = require('./codec')

const TIMEOUT = 3000 // ms, above the daemon's own deadline of 2 s, so that its 504 arrives
const LONGEST = 400 * 86400 // seconds; what the daemon allows, and browsers too

// The daemon refused a request (`outage` false: a wrong token, too much data), or did not answer or cannot do it now
// (`outage` true; a write may have landed nevertheless). `status` is for the app's own answer.
class CoatcheckError extends Error {
  constructor(message, { outage, cause }) {
    super(message, { cause })
    this.name = 'CoatcheckError'
    this.outage = outage
    this.status = outage ? 503 : 500
  }
}

// Every method may reject with CoatcheckError.
class Daemon {
  #agent = new http.Agent({ keepAlive: true })
  #path
  #target
  #token
  #tokenFile

  // `url`: http://host:port or unix:/path. `tokenFile` is read at every request, so it can be replaced.
  constructor({ url, token, tokenFile, store }) {
    this.#target = target(url)
    this.#token = token
    this.#tokenFile = tokenFile
    this.#path = store ? `/v1/stores/${encodeURIComponent(store)}/session` : '/v1/session'
  }

  // Resolves to null if there is no such session (any more). `use` extends its idle time. `expiresIn` in seconds.
  async load(id, { use = true } = {}) {
    const answer = await this.#callAgain('GET', id, use ? '' : '?peek')
    if (answer.status === 404 || answer.status === 410) return null
    expect(answer, 200)
    return {
      body: answer.body,
      version: answer.headers.etag,
      id: answer.headers['session-id'] ?? id, // the new one, if `id` is an old one within its grace
      expiresIn: Number(answer.headers['session-expires-in'])
    }
  }

  // `match`: the version to replace, `*` for any, undefined to create. `idle` in seconds, undefined to keep what it is.
  // Resolves to {version}, {gone} if the session has ended (or the new id has been used), {stale}, or {locked} if others
  // hold its lock.
  async write(id, body, match, idle) {
    const condition = match === undefined ? { 'If-None-Match': '*' } : { 'If-Match': match }
    const answer = await this.#call('PUT', id, '', { ...content(body, idle), ...condition }, body)
    if (answer.status === 410) return { gone: true }
    if (answer.status === 423) return { locked: true }
    if (answer.status === 412) return match === undefined || match === '*' ? { gone: true } : { stale: true }
    expect(answer, match === undefined ? 201 : 204)
    return { version: answer.headers.etag }
  }

  // `match`: the version to change, undefined for any. Otherwise as `write`.
  async patch(id, body, match, idle) {
    const headers = { ...content(body, idle), Prefer: 'return=minimal', ...(match && { 'If-Match': match }) }
    const answer = await this.#call('PATCH', id, '', headers, body)
    if (answer.status === 404 || answer.status === 410) return { gone: true }
    if (answer.status === 412) return { stale: true }
    if (answer.status === 423) return { locked: true }
    expect(answer, 200, 204)
    return { version: answer.headers.etag }
  }

  // Gives the session another id. For `grace` seconds `id` leads to it, too. Resolves to {id}: `to`, or another if this
  // was done already and its grace lasts; {gone} if there is no such session (any more); {locked} as above.
  async rotate(id, to, { grace = 0, idle } = {}) {
    const body = encode({ id: to, grace_s: grace }, 'rotation')
    const answer = await this.#callAgain('POST', id, '/rotate', content(body, idle), body)
    if (answer.status === 404 || answer.status === 410) return { gone: true }
    if (answer.status === 423) return { locked: true }
    expect(answer, 200)
    return { id: answer.headers['session-id'] }
  }

  // Resolves to false if there is no such session (any more).
  async touch(id) {
    const answer = await this.#callAgain('POST', id, '/touch')
    if (answer.status === 404 || answer.status === 410) return false
    expect(answer, 204)
    return true
  }

  async end(id) {
    expect(await this.#callAgain('DELETE', id, ''), 204)
  }

  // Once more where no answer came in time: only for what may be done twice.
  async #callAgain(...request) {
    const answer = await this.#call(...request).catch(() => null)
    return answer === null || answer.status === 504 ? this.#call(...request) : answer
  }

  #bearer() {
    if (!this.#tokenFile) return this.#token
    try {
      return fs.readFileSync(this.#tokenFile, 'utf8').trim()
    } catch (cause) { // as it is, express-session would take ENOENT for a session that does not exist
      throw new CoatcheckError(`no token: ${cause.message}`, { outage: false, cause })
    }
  }

  #call(method, id, suffix, headers, body) {
    return new Promise((resolve, reject) => {
      const token = this.#bearer()
      const request = http.request({
        ...this.#target,
        agent: this.#agent,
        method,
        path: this.#path + suffix,
        headers: {
          'Session-Id': id,
          Accept: 'application/msgpack',
          ...(token && { Authorization: `Bearer ${token}` }),
          ...headers
        }
      })
      const timer = setTimeout(() => request.destroy(new Error(`nothing came for ${TIMEOUT} ms`)), TIMEOUT)
      const fail = (cause) => {
        clearTimeout(timer)
        reject(new CoatcheckError(`no answer to ${method}: ${cause.message}`, { outage: true, cause }))
      }
      request.on('error', fail)
      request.on('response', (response) => {
        const chunks = []
        response.on('error', fail)
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('end', () => {
          clearTimeout(timer)
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) })
        })
      })
      request.end(body)
    })
  }
}

function target(url) {
  if (/^unix:./.test(url)) return { socketPath: url.slice('unix:'.length).replace(/^\/\/(?=\/)/, '') }
  if (!/^http:\/\/./.test(url)) throw new TypeError(`COATCHECK_URL is ${url}, not http://host:port or unix:/path`)
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port || 80 }
}

function content(body, idle) {
  return {
    'Content-Type': 'application/msgpack',
    'Content-Length': body.length,
    ...(idle === undefined ? {} : { 'Session-Idle-Timeout': Math.min(Math.max(idle, 1), LONGEST) })
  }
}

function expect(answer, ...statuses) {
  if (statuses.includes(answer.status)) return
  throw new CoatcheckError(`the daemon answered ${answer.status}: ${answer.body}`, { outage: answer.status >= 500 })
}

module.exports = { CoatcheckError, Daemon }
