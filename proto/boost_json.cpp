// Boost.JSON's own code, compiled once here: so Debian's headers are enough and there is no library to link.
#include <boost/json/src.hpp>
