cwtch_fuzzer(fuzz_http_request SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_http_request.cpp LINKS cwtch::http fmt::fmt)
cwtch_fuzzer(fuzz_record SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_record.cpp LINKS cwtch::board cwtch::client OpenSSL::Crypto)
