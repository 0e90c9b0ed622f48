'use strict'
// Session data as MessagePack.
//
// Beside what JSON knows, Date, Buffer (from any Uint8Array) and integers of 64 bits come back as they were, those beyond
// 2^53 as BigInt. As in JSON, what is undefined is left out, an object with toJSON is stored as what that returns,
// and other objects as their own properties. Map, Set, functions and symbols are a TypeError, since they would be lost.

const { Encoder, Decoder, ExtData } = require('@msgpack/msgpack')

const encoder = new Encoder({ useBigInt64: true })
const decoder = new Decoder({ useBigInt64: true, mapKeyConverter: String })

// Throws TypeError, naming `path`, if there is no encoding.
function encode(value, path) {
  return Buffer.from(encoder.encode(plain(value, path)))
}

function decode(body) {
  return restored(decoder.decode(body))
}

// Whether `decode` makes strings of keys that are none.
function hasOtherKeys(body) {
  let found = false
  const mapKeyConverter = (key) => {
    found ||= typeof key !== 'string'
    return String(key)
  }
  new Decoder({ useBigInt64: true, mapKeyConverter }).decode(body)
  return found
}

// Whether a value that `decode` gave is a map.
function isMap(value) {
  return Object.prototype.toString.call(value) === '[object Object]' && !(value instanceof ExtData)
}

function plain(value, path) {
  switch (typeof value) {
    case 'undefined':
      return null
    case 'number': // the encoder writes integers of more than 32 bits as floats, unless they are BigInts
      return Number.isSafeInteger(value) && value !== (value | 0) && value !== value >>> 0 ? BigInt(value) : value
    case 'bigint':
      if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new TypeError(`${path} has more than 64 bits`)
      return value
    case 'function':
    case 'symbol':
      throw new TypeError(`${path} cannot be stored: a ${typeof value}`)
    case 'object':
      return value === null ? null : plainObject(value, path)
    default:
      return value
  }
}

function plainObject(value, path) {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new TypeError(`${path} is an invalid Date`)
    return value
  }
  if (value instanceof Uint8Array || value instanceof ExtData) return value
  if (Array.isArray(value)) return Array.from(value, (item, index) => plain(item, `${path}[${index}]`))
  if (typeof value.toJSON === 'function') return plain(value.toJSON(), path)
  if (value instanceof Map || value instanceof Set) {
    throw new TypeError(`${path} cannot be stored: a ${value.constructor.name}`)
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, plain(item, `${path}.${key}`)])
  )
}

function restored(value) {
  if (typeof value === 'bigint') {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
  }
  if (Array.isArray(value)) return value.map(restored)
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Date || value instanceof Uint8Array || value instanceof ExtData) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restored(item)]))
}

module.exports = { decode, encode, hasOtherKeys, isMap }
