cwtch_test(http_split_test LABELS property SOURCES ${CMAKE_CURRENT_LIST_DIR}/http_split_test.cpp LINKS cwtch::http fmt::fmt)
