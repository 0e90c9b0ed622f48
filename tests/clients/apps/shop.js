'use strict'
// Half of a shop, in Express; shop.py is the other half, in Flask. Both keep one session under one cookie.

const express = require('express')
const session = require('express-session')
const { CoatcheckStore } = require('connect-coatcheck')

const app = express()
app.use(
  session({
    name: 'sid',
    secret: process.env.SESSION_SECRET,
    store: new CoatcheckStore(),
    cookie: { maxAge: 31 * 86400_000 }, // as long as Flask's PERMANENT_SESSION_LIFETIME
    resave: false,
    saveUninitialized: false
  })
)

app.get('/', (req, res) => res.json({ ...req.session, cookie: undefined }))
app.get('/hello', (req, res) => res.end('hello'))
app.post('/login/:user', (req, res, next) => {
  req.sessionStore.rotate(req, (error) => {
    if (error) return next(error)
    req.session.user = req.params.user
    res.end('in')
  })
})
app.post('/logout', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.end('out'))))
app.post('/put/:key/:value', (req, res) => {
  req.session[req.params.key] = req.params.value
  res.end('put')
})
app.post('/slow/:key/:value', (req, res) => {
  setTimeout(() => {
    req.session[req.params.key] = req.params.value
    res.end('put')
  }, 600)
})
app.post('/cart/:item', (req, res) => {
  req.session.cart = [...(req.session.cart ?? []), req.params.item]
  res.end('added')
})

const VALUES = {
  none: null,
  yes: true,
  float: 1.5,
  text: 'naïve 😀',
  bytes: Buffer.from([0, 255]),
  list: [1, { a: [] }],
  time: new Date('2024-01-02T03:04:05.678Z'),
  milliseconds: 1700000000123,
  big: 2n ** 60n,
  huge: 2n ** 64n - 1n,
  low: -(2n ** 63n)
}
const { isDeepStrictEqual } = require('node:util')

app.post('/values', (req, res) => {
  Object.assign(req.session, VALUES)
  res.end('put')
})
app.get('/values', (req, res) => {
  const wrong = Object.keys(VALUES).filter((key) => !isDeepStrictEqual(req.session[key], VALUES[key]))
  res.json(Object.fromEntries(wrong.map((key) => [key, `${typeof req.session[key]} ${req.session[key]}`])))
})

app.listen(process.env.PORT, '127.0.0.1')
