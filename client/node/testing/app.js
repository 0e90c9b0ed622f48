'use strict'
// An Express app whose pages do to the session what the test says, and a browser for it.

const express = require('express')
const session = require('express-session')
const { CoatcheckStore } = require('..')

// `options`: of express-session; `store`: of the CoatcheckStore. `pages(app)` adds more of them.
async function startApp({ store, pages = () => {}, ...options }) {
  const app = express().use(express.json())
  const logged = []
  app.use(
    session({
      store: new CoatcheckStore({ log: (message) => logged.push(message), ...store }),
      secret: 'keyboard cat',
      resave: false,
      saveUninitialized: false,
      ...options
    })
  )
  app.get('/', (req, res) => res.json({ ...req.session, cookie: undefined }))
  app.get('/cookie', (req, res) => res.json(req.session.cookie))
  app.post('/put/:key/:value', (req, res) => {
    req.session[req.params.key] = req.params.value
    res.end('put')
  })
  app.post('/update', (req, res) => {
    Object.assign(req.session, req.body)
    res.end('updated')
  })
  app.post('/logout', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.end('out'))))
  app.post('/regenerate', (req, res, next) => {
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.user = 'ann'
      res.end('in')
    })
  })
  pages(app)
  app.use((error, req, res, next) => (res.headersSent ? next(error) : res.status(error.status ?? 500).end(`${error}`)))
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    logged,
    url: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    }
  }
}

class Browser {
  constructor(app, cookie) {
    this.app = app
    this.cookie = cookie
  }

  get id() {
    return decodeURIComponent(this.cookie).match(/=s:([^.]+)/)[1]
  }

  async ask(method, path, json) {
    const headers = { 'content-type': 'application/json', ...(this.cookie && { cookie: this.cookie }) }
    const answer = await fetch(this.app.url + path, { method, headers, body: json && JSON.stringify(json) })
    const text = await answer.text()
    const header = answer.headers.get('set-cookie')
    if (header) this.cookie = header.split(';')[0]
    return { status: answer.status, header, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
  }

  get(path = '/') {
    return this.ask('GET', path)
  }

  post(path, json) {
    return this.ask('POST', path, json)
  }
}

module.exports = { Browser, startApp }
