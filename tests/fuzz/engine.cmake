cwtch_fuzzer(fuzz_segment_recovery SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_segment_recovery.cpp LINKS cwtch::log cwtch::sim)
cwtch_fuzzer(fuzz_group_message SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_group_message.cpp LINKS cwtch::client PkgConfig::libsodium)
cwtch_fuzzer(fuzz_index_block SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_index_block.cpp LINKS cwtch::log)
