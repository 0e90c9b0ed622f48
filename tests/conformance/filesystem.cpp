#include "tests/conformance/fixture.hpp"
#include "tests/support/temporary_folder.hpp"
namespace coatcheck::conformance {
std::string store_url() { static const testing::temporary_folder folder; return "file://" + (folder / "store"); }
std::optional<remote_store> remote() { return std::nullopt; }
}
