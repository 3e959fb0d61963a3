cwtch_test(stream_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/stream_test.cpp LINKS cwtch::stream)
