cwtch_test(scan_test LABELS property SOURCES ${CMAKE_CURRENT_LIST_DIR}/scan_test.cpp LINKS cwtch::kernels cwtch::core)
cwtch_test(ring_test LABELS property SOURCES ${CMAKE_CURRENT_LIST_DIR}/ring_test.cpp LINKS cwtch::kernels)
