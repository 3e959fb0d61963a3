cwtch_fuzzer(fuzz_pir_query SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_pir_query.cpp LINKS cwtch::pir)
cwtch_fuzzer(fuzz_pir_answer SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_pir_answer.cpp LINKS cwtch::pir)
cwtch_fuzzer(fuzz_pir_geometry SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_pir_geometry.cpp LINKS cwtch::pir)
