cwtch_test(core_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/core_test.cpp LINKS cwtch::core)
