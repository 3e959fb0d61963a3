cwtch_test(pir_conformance_test LABELS property TIMEOUT 900
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_conformance_test.cpp
  LINKS cwtch::pir)
