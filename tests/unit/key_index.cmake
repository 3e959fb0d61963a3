cwtch_test(key_index_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/key_index_test.cpp LINKS cwtch::log)
