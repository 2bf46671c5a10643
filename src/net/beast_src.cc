// Beast's parser and serialiser, compiled once for the whole program; only src/admin speaks HTTP.
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <boost/beast/src.hpp>
