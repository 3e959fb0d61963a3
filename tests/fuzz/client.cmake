cwtch_fuzzer(fuzz_http_answer SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_http_answer.cpp LINKS cwtch::client)
