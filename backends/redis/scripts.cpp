#include "backends/redis/scripts.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace coatcheck::redis {

namespace {

std::string sha1_hex(const std::string& text)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1)
        throw std::runtime_error("OpenSSL has no SHA-1, which names Redis' scripts");
    std::string hex;
    for (unsigned i = 0; i < length; ++i) {
        hex += "0123456789abcdef"[digest[i] >> 4];
        hex += "0123456789abcdef"[digest[i] & 15];
    }
    return hex;
}

// open(old): 'ok' and the fields from kind on, or the outcome if it is no record of ours (decode_head).
const std::string open_record = R"(
local pack, unpack, sub = struct.pack, struct.unpack, string.sub
local key = KEYS[1]
local function open(old)
  if sub(old, 1, 2) ~= 'CC' or #old < 3 then return 'x' end
  local format = string.byte(old, 3)
  if format > 1 then return 'f' end
  if format ~= 1 or #old < 84 then return 'x' end
  local kind, revision, version, created, seen, expires, ends, keep, locked, token, idle, subject, label =
    unpack('>BI8c8I8I8I8I8I8I8c8I4I2I2', old, 4)
  if kind < 1 or kind > 4 or math.max(created, seen, expires, ends, keep, locked) > 9007199254740991
     or #old < 84 + subject + label then return 'x' end
  return 'ok', kind, revision, version, created, expires, ends, keep, locked, token, idle, subject, label
end
)";

// Redis refuses a write without room only as the first of a script, so one that frees or takes no memory opens the
// door: a logout and a use of a session must not fail because the store is full.
const std::string put_body = R"(
local args = ARGV[1]
local HEAD = 56 -- where the head of a creation begins
local set_idle, set_ends, set_subject, set_label, may_create, test, has_token, now, keep_after, absolute, epoch, value,
  wanted_token = unpack('>BBBBBBBI8I8I8I8c8c8', args)
local old = redis.call('GET', key)
if old then
  local ok, kind, revision, version, created, expires, ends, keep, locked, token, idle, subject, label = open(old)
  if ok ~= 'ok' then return ok end
  if keep > now then
    local names_end = 84 + subject + label
    if kind ~= 1 or now >= expires or created < epoch then return 'e' .. sub(old, 1, names_end) end
    if test == 1 or (test == 3 and version ~= value) or (test == 4 and sub(old, 5, 12) ~= value) then
      return 'p' .. sub(old, 1, names_end)
    end
    if (has_token == 1 and token ~= wanted_token) or (has_token == 0 and locked > now) then
      return 'l' .. sub(old, 1, names_end)
    end
    local new_idle, new_subject, new_label = unpack('>I4I2I2', args, HEAD + 76)
    if set_idle == 1 then idle = new_idle end
    if set_ends == 1 then ends = created + absolute end
    local names
    if set_subject == 0 and set_label == 0 then
      names = sub(old, 85, names_end)
    else
      local subject_bytes, label_bytes
      if set_subject == 1 then
        subject_bytes = sub(args, HEAD + 84, HEAD + 83 + new_subject)
      else
        subject_bytes = sub(old, 85, 84 + subject)
      end
      if set_label == 1 then
        label_bytes = sub(args, HEAD + 84 + new_subject, HEAD + 83 + new_subject + new_label)
      else
        label_bytes = sub(old, 85 + subject, names_end)
      end
      names, subject, label = subject_bytes .. label_bytes, #subject_bytes, #label_bytes
    end
    expires = math.max(now, math.min(now + idle * 1100, ends))
    keep = expires + keep_after
    local head = pack('>c4I8c8I8I8I8I8I8I8c8I4I2I2', sub(args, HEAD, HEAD + 3), revision + 1, sub(args, HEAD + 12, HEAD + 19), created, now,
                      expires, ends, keep, locked, token, idle, subject, label) .. names
    redis.call('SET', key, head .. ARGV[2], 'PXAT', keep)
    return 'r' .. head
  end
end
if test > 1 then return 'p' end
if may_create == 0 then return 'n' end
redis.call('SET', key, sub(args, HEAD) .. ARGV[2], 'PXAT', (unpack('>I8', args, HEAD + 52)))
return 'c'
)";

// A payload that stays, or a tombstone, takes no memory: the door is opened for them as above.
const std::string swap_body = R"(
local args, new = ARGV[1], ARGV[2]
local seen, keeps_payload, now = unpack('>BBI8', args)
local old = redis.pcall('GET', key)
if type(old) == 'table' then return 'x' end
local payload = ARGV[3]
if old then
  local ok, _, _, _, _, _, _, keep, _, _, _, subject, label = open(old)
  if ok ~= 'ok' then return ok end
  local remembered = keep > now
  if remembered ~= (seen == 1) or (remembered and sub(old, 5, 20) ~= sub(args, 11, 26)) then return 'p' end
  if keeps_payload == 1 and remembered then payload = sub(old, 85 + subject + label) end
elseif seen == 1 then
  return 'p'
end
local keep = unpack('>I8', new, 53)
local reply = redis.pcall('SET', key, new .. payload, 'PXAT', keep)
if type(reply) == 'table' and reply.err then
  if keeps_payload == 0 and string.byte(new, 4) ~= 2 then return redis.error_reply(reply.err) end
  redis.call('DEL', key)
  redis.call('SET', key, new .. payload, 'PXAT', keep)
end
return 'd'
)";

const std::string end_body = R"(
local new = ARGV[1]
local now, _, keep = unpack('>I8I8I8', new, 37)
local old = redis.pcall('GET', key)
local before = ''
if type(old) == 'string' then
  local ok, kind, revision, _, created, _, _, old_keep, _, _, _, subject, label = open(old)
  if ok == 'ok' and old_keep > now then
    before = sub(old, 1, 84 + subject + label)
    if kind == 3 then return 'h' .. before end
    if kind == 2 and old_keep > keep then keep = old_keep end
    new = sub(new, 1, 4) .. pack('>I8', revision + 1) .. sub(new, 13, 20) .. pack('>I8', created) .. sub(new, 29, 52)
          .. pack('>I8', keep) .. sub(new, 61)
  end
end
local reply = redis.pcall('SET', key, new, 'PXAT', keep)
if type(reply) == 'table' and reply.err then
  redis.call('DEL', key)
  redis.call('SET', key, new, 'PXAT', keep)
end
return 'h' .. before
)";

const std::string extend_body = R"(
local now, keep_after = unpack('>I8I8', ARGV[1])
local old = redis.call('GET', key)
if not old then return 'n' end
local ok, kind, revision, version, created, expires, ends, keep, locked, token, idle, subject, label = open(old)
if ok ~= 'ok' then return ok end
local names_end = 84 + subject + label
if kind ~= 1 or now >= expires or expires - now >= idle * 1000 or expires >= ends then
  return 'h' .. sub(old, 1, names_end)
end
expires = math.max(now, math.min(now + idle * 1100, ends))
keep = expires + keep_after
local changed = pack('>I8c8I8I8I8I8I8', revision + 1, version, created, now, expires, ends, keep)
local reply = redis.pcall('SETRANGE', key, 4, changed)
if type(reply) == 'table' then
  redis.call('PERSIST', key)
  redis.call('SETRANGE', key, 4, changed)
end
redis.call('PEXPIREAT', key, keep)
return 'h' .. sub(old, 1, 4) .. changed .. sub(old, 61, names_end)
)";

} // namespace

script::script(std::string lua) : text(std::move(lua)), sha1(sha1_hex(text)) {}

const script put_script{open_record + put_body};
const script swap_script{open_record + swap_body};
const script end_script{open_record + end_body};
const script extend_script{open_record + extend_body};

} // namespace coatcheck::redis
