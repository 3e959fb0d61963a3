cwtch_fuzzer(fuzz_http_request SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_http_request.cpp LINKS cwtch::http)
cwtch_fuzzer(fuzz_record SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_record.cpp LINKS cwtch::board cwtch::log cwtch::client)
cwtch_fuzzer(fuzz_segment_recovery SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_segment_recovery.cpp LINKS cwtch::log cwtch::sim)
cwtch_fuzzer(fuzz_group_message SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_group_message.cpp LINKS cwtch::client PkgConfig::libsodium)
