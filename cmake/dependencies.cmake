# Every library comes from the system; nothing is downloaded at configure time. `tools/test` installs them on Debian.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)  # SHA-2 and SHA-3, HMAC, PBKDF2; never TLS
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(Boost 1.74 REQUIRED)  # headers only: Beast's sans-I/O HTTP parser
pkg_check_modules(liburing REQUIRED IMPORTED_TARGET liburing>=2.3)
pkg_check_modules(libsodium REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(libzstd REQUIRED IMPORTED_TARGET libzstd)
find_package(mimalloc CONFIG)  # optional: linked into the programs when present
if(CWTCH_TESTS)
  find_package(GTest REQUIRED)
endif()
if(CWTCH_BENCH)
  find_package(benchmark REQUIRED)
  pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)  # a peer in bench/, nothing else
endif()
