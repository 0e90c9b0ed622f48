'use strict'
// The real daemon, and something between it and the store that notes requests and misbehaves.

const { spawn } = require('node:child_process')
const http = require('node:http')
const net = require('node:net')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')

const COATCHECKD = process.env.COATCHECKD || path.join(__dirname, '../../../build/release/coatcheckd')

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function accepts(listen) {
  const socket = listen.startsWith('unix:')
    ? net.connect(listen.slice('unix:'.length))
    : net.connect(listen.split(':')[1], '127.0.0.1')
  const connected = await new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  })
  socket.destroy()
  return connected
}

// `settings`: more COATCHECK_… of its environment. Ends with `stop`.
async function startDaemon({ listen, ...settings } = {}) {
  listen ??= `127.0.0.1:${await freePort()}`
  const child = spawn(COATCHECKD, {
    env: { PATH: process.env.PATH, COATCHECK_STORE: 'memory://', COATCHECK_LISTEN: listen, ...settings },
    stdio: 'ignore'
  })
  let failure
  child.once('error', (error) => (failure = error))
  const ended = new Promise((resolve) => child.once('close', resolve))
  for (let tries = 0; !(await accepts(listen)); ++tries) {
    if (failure) throw failure
    if (child.exitCode !== null || tries > 250) throw new Error('coatcheckd does not listen')
    await sleep(20)
  }
  return {
    child,
    listen,
    url: listen.startsWith('unix:') ? listen : `http://${listen}`,
    async stop() {
      child.kill('SIGKILL')
      await ended
    }
  }
}

// `faults` holds one entry for each of the next requests: null passes it on, 'drop' hangs up instead of answering,
// a number answers with that status instead, 'lose' passes it on and answers 504.
async function startWire(daemon) {
  const wire = { requests: [], faults: [], connections: 0 }
  const server = http.createServer((request, response) => {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      wire.requests.push({ method, path: url, headers, body: Buffer.concat(chunks) })
      const fault = wire.faults.shift() ?? null
      if (fault === 'drop') return request.socket.destroy()
      if (typeof fault === 'number') return response.writeHead(fault).end()
      const [host, port] = daemon.listen.split(':')
      http
        .request({ host, port, method, path: url, headers: { ...headers, connection: 'close' } }, (answer) => {
          delete answer.headers.connection // says what holds between us and the daemon
          response.writeHead(fault === 'lose' ? 504 : answer.statusCode, fault === 'lose' ? {} : answer.headers)
          answer.pipe(response)
        })
        .end(Buffer.concat(chunks))
    })
  }).listen(0, '127.0.0.1')
  server.on('connection', () => ++wire.connections)
  await new Promise((resolve) => server.once('listening', resolve))
  wire.url = `http://127.0.0.1:${server.address().port}`
  wire.methods = () => wire.requests.map(({ method, path }) => path.match(/\/(touch|rotate)$/)?.[1] ?? method)
  wire.stop = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return wire
}

module.exports = { freePort, startDaemon, startWire }
