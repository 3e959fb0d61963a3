cwtch_test(net_test LABELS unit sim SOURCES ${CMAKE_CURRENT_LIST_DIR}/net_test.cpp LINKS cwtch::net cwtch::sim)
