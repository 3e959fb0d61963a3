cwtch_test(io_test LABELS unit threads SOURCES ${CMAKE_CURRENT_LIST_DIR}/io_test.cpp LINKS cwtch::io)
