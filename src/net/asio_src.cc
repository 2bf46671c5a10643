// Asio, compiled once for the whole program (BOOST_ASIO_SEPARATE_COMPILATION in cmake/Modules.cmake).
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <boost/asio/impl/src.hpp>
