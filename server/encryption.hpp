#pragma once
// Encryption at rest as it is configured.

#include "backends/backend.hpp"
#include "proto/sealed_payload.hpp"
#include "server/config.hpp"
#include "server/metrics.hpp"

#include <memory>
#include <string>
#include <vector>

namespace coatcheck {

// Reads the keys; null if none is configured. Throws config_error, which names the file and quotes nothing of it. Warns
// in the log of a file that everybody can read.
std::shared_ptr<const sealer> load_sealer(const config& settings);

// What metrics call the keys of `seals`, which may be null, and last the records without one.
std::vector<std::string> key_names(const sealer* seals);

// The layer over a store's backend: one that encrypts, or where `seals` is null one that keeps off what is encrypted.
// `store` is its place in `counters`, which must outlive it.
std::unique_ptr<backend> with_encryption(std::unique_ptr<backend> keeper, const config& settings,
                                         std::shared_ptr<const sealer> seals, std::size_t store, metrics& counters);

} // namespace coatcheck
