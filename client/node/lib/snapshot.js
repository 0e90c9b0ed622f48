'use strict'
// A snapshot is a Map from each key of a session to the encoding of what it held at one moment, which later changes
// inside a value cannot reach.

const { decode, encode } = require('./codec')

// Throws TypeError, naming the path, if a value has no encoding.
function snapshot(data) {
  return new Map(
    Object.entries(data)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, encode(value, `session.${key}`)])
  )
}

// The encoding of the whole session.
function join(snap) {
  return encode(Object.fromEntries([...snap].map(([key, value]) => [key, decode(value)])), 'session')
}

function same(one, other) {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key)?.equals(value))
}

// `theirs` with what `mine` changed since `base`: where both changed one key, `mine` wins.
function rebase(theirs, base, mine) {
  const merged = new Map([...theirs].filter(([key]) => !base.has(key) || mine.has(key)))
  for (const [key, value] of mine) if (!base.get(key)?.equals(value)) merged.set(key, value)
  return merged
}

module.exports = { join, rebase, same, snapshot }
