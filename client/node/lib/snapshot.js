'use strict'
// A snapshot is a Map from each key of a session to the encoding of what it held at one moment, which later changes
// inside a value cannot reach.

const { decode, encode, isMap } = require('./codec')

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

// The merge patch (RFC 7396), encoded, that makes `now` of `base`. Undefined if there is none, since in a patch null
// means removal.
function patch(base, now) {
  const changed = (one, other) => [...one].filter(([key, value]) => !other.get(key)?.equals(value))
  const decoded = (entries) => Object.fromEntries(entries.map(([key, value]) => [key, decode(value)]))
  const changes = difference(decoded(changed(base, now)), decoded(changed(now, base)))
  return changes && encode(changes, 'session')
}

function difference(old, now) {
  const has = (key) => Object.hasOwn(old, key)
  const changes = Object.keys(old)
    .filter((key) => !Object.hasOwn(now, key))
    .map((key) => [key, null])
  for (const [key, value] of Object.entries(now)) {
    if (!isMap(value)) {
      if (has(key) && encode(old[key], key).equals(encode(value, key))) continue
      if (value === null) return undefined
      changes.push([key, value])
      continue
    }
    const both = has(key) && isMap(old[key])
    const inner = difference(both ? old[key] : {}, value)
    if (!inner) return undefined
    if (!both || Object.keys(inner).length > 0) changes.push([key, inner])
  }
  return Object.fromEntries(changes)
}

module.exports = { join, patch, rebase, same, snapshot }
