# Warnings, sanitizers, linker and compiler cache for every target of the project.

find_program(SIMS_CCACHE ccache)
if(SIMS_CCACHE)
  # The precompiled header needs these two: its own time stamp must not spoil the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${SIMS_CCACHE})
endif()

find_program(SIMS_MOLD mold)
if(SIMS_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # GoogleTest's and Asio's own macros; clang counts an unused private constant too.
  add_compile_options(-Wno-gnu-zero-variadic-macro-arguments -Wno-unused-const-variable)
endif()

if(SIMS_SANITIZE)
  add_compile_options(-fsanitize=${SIMS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SIMS_SANITIZE})
  if(SIMS_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # clang 14: "Cannot represent a difference across sections" on every coroutine otherwise.
    add_compile_options(-fno-sanitize=function)
  endif()
endif()

if(SIMS_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SIMS_FUZZ needs clang: libFuzzer comes with it")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
