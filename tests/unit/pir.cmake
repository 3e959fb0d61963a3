cwtch_test(pir_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_catalog_test.cpp
  LINKS cwtch::pir)
