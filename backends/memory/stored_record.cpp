#include "backends/memory/stored_record.hpp"

#include <algorithm>
#include <new>

namespace coatcheck::memory {

namespace {

// A pointer and a byte of metadata for each slot of boost::unordered_flat_set, which is 7/16 full after it grew.
constexpr std::size_t index_cost = 21;

} // namespace

stored_record::owner stored_record::make(const handle& name, const head& about, std::string_view payload)
{
    const std::size_t text = about.subject.size() + about.label.size() + payload.size();
    void* block = ::operator new(sizeof(stored_record) + text);
    return owner(new (block) stored_record(name, about, payload));
}

void stored_record::deleter::operator()(stored_record* r) const noexcept
{
    r->~stored_record();
    ::operator delete(r);
}

stored_record::stored_record(const handle& name, const head& about, std::string_view payload) noexcept
    : payload_size_(static_cast<std::uint32_t>(payload.size())),
      subject_size_(static_cast<std::uint16_t>(about.subject.size())),
      label_size_(static_cast<std::uint16_t>(about.label.size())), name_(name)
{
    set(about);
    char* to = reinterpret_cast<char*>(this + 1);
    for (const std::string_view part : {std::string_view(about.subject), std::string_view(about.label), payload})
        to = std::ranges::copy(part, to).out;
}

head stored_record::about() const
{
    head h;
    h.what = what_;
    h.revision = revision_;
    h.data_version = data_version_;
    h.created = created_;
    h.last_seen = last_seen_;
    h.expires = expires_;
    h.absolute_end = absolute_end_;
    h.keep_until = keep_until_;
    h.idle = std::chrono::seconds{idle_};
    h.lock_token = lock_token_;
    h.locked_until = locked_until_;
    h.subject.assign(text(), subject_size_);
    h.label.assign(text() + subject_size_, label_size_);
    return h;
}

std::string_view stored_record::payload() const noexcept
{
    return {text() + subject_size_ + label_size_, payload_size_};
}

void stored_record::set(const head& about) noexcept
{
    revision_ = about.revision;
    data_version_ = about.data_version;
    created_ = about.created;
    last_seen_ = about.last_seen;
    expires_ = about.expires;
    absolute_end_ = about.absolute_end;
    keep_until_ = about.keep_until;
    locked_until_ = about.locked_until;
    lock_token_ = about.lock_token;
    idle_ = static_cast<std::uint32_t>(about.idle.count());
    what_ = about.what;
}

std::size_t stored_record::cost_of(std::size_t text_size) noexcept
{
    // glibc keeps a size word ahead of each block and rounds to 16 bytes.
    const std::size_t block = (sizeof(stored_record) + text_size + sizeof(std::size_t) + 15) / 16 * 16;
    return block + index_cost;
}

} // namespace coatcheck::memory
