#pragma once
// A record in one block of memory: links, head, then subject, label and payload behind one another.

#include "proto/record.hpp"
#include "proto/session_id.hpp"

#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace coatcheck::memory {

namespace intrusive = boost::intrusive;
using order_hook = intrusive::list_base_hook<intrusive::link_mode<intrusive::normal_link>>;
using expiry_hook =
    intrusive::set_base_hook<intrusive::optimize_size<true>, intrusive::link_mode<intrusive::normal_link>>;

class stored_record : public order_hook, public expiry_hook {
public:
    struct deleter {
        void operator()(stored_record* r) const noexcept;
    };
    using owner = std::unique_ptr<stored_record, deleter>;

    // `payload` has less than 4 GiB, subject and label at most what proto/record.hpp allows.
    static owner make(const handle& name, const head& about, std::string_view payload);

    stored_record(const stored_record&) = delete;
    stored_record& operator=(const stored_record&) = delete;

    const handle& name() const noexcept { return name_; }
    kind what() const noexcept { return what_; }
    time_point expires() const noexcept { return expires_; }
    time_point keep_until() const noexcept { return keep_until_; }
    head about() const;
    std::string_view payload() const noexcept;

    // Takes all of `about` but its subject and label, which must be those that the record has.
    void set(const head& about) noexcept;

    // What the record costs the machine: the block as malloc rounds it, and its place in the shard's index.
    std::size_t cost() const noexcept { return cost_of(text_size()); }
    static std::size_t cost_of(std::size_t text_size) noexcept;

private:
    stored_record(const handle& name, const head& about, std::string_view payload) noexcept;
    ~stored_record() = default;

    std::size_t text_size() const noexcept { return std::size_t{subject_size_} + label_size_ + payload_size_; }
    const char* text() const noexcept { return reinterpret_cast<const char*>(this + 1); }

    // Ordered by size, so that nothing is lost to alignment.
    std::uint64_t revision_;
    version data_version_;
    time_point created_;
    time_point last_seen_;
    time_point expires_;
    time_point absolute_end_;
    time_point keep_until_;
    time_point locked_until_;
    std::uint64_t lock_token_;
    std::uint32_t idle_;
    std::uint32_t payload_size_;
    std::uint16_t subject_size_;
    std::uint16_t label_size_;
    kind what_;
    handle name_;
};

} // namespace coatcheck::memory
