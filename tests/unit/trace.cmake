cwtch_test(trace_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/trace_test.cpp LINKS cwtch::trace PkgConfig::libzstd)
