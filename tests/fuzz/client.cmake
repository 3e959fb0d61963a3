cwtch_fuzzer(fuzz_http_answer SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_http_answer.cpp LINKS cwtch::client)
cwtch_fuzzer(fuzz_offers SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_offers.cpp
  LINKS cwtch::client cwtch::pir nlohmann_json::nlohmann_json)
cwtch_fuzzer(fuzz_index_stream SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_index_stream.cpp LINKS cwtch::client)
