#pragma once
// A certificate and its key in one file, as libmongoc wants them, where the operator has two.

#include <string>

namespace coatcheck::mongodb {

// The file is in memory, and nobody else can open it.
class pem_pair {
public:
    // Throws std::invalid_argument for a file that cannot be read.
    pem_pair(const std::string& certificate, const std::string& key);
    ~pem_pair();
    pem_pair(const pem_pair&) = delete;
    pem_pair& operator=(const pem_pair&) = delete;

    // Of this process alone.
    std::string path() const;

private:
    int file_;
};

} // namespace coatcheck::mongodb
