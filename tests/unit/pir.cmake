cwtch_test(pir_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_catalog_test.cpp ${CMAKE_CURRENT_LIST_DIR}/pir_mobile_day_test.cpp
  LINKS cwtch::pir)
cwtch_test(pir_lattice_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_bits_test.cpp ${CMAKE_CURRENT_LIST_DIR}/pir_crs_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/pir_encryption_test.cpp ${CMAKE_CURRENT_LIST_DIR}/pir_hint_test.cpp
  LINKS cwtch::pir nlohmann_json::nlohmann_json)
cwtch_test(pir_example_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_example_test.cpp
  LINKS cwtch::pir)
