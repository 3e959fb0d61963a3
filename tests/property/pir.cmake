cwtch_test(pir_conformance_test LABELS property heavy TIMEOUT 900
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_conformance_test.cpp ${CMAKE_CURRENT_LIST_DIR}/pir_merge_test.cpp
  LINKS cwtch::pir)
cwtch_test(pir_hostile_test LABELS property TIMEOUT 900
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_hostile_test.cpp
  LINKS cwtch::pir)
cwtch_test(pir_threads_test LABELS property threads TIMEOUT 900
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_threads_test.cpp
  LINKS cwtch::pir)
cwtch_test(pir_noise_test LABELS property heavy TIMEOUT 900
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_noise_test.cpp
  LINKS cwtch::pir)
add_test(NAME pir_noise_full_test COMMAND pir_noise_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(pir_noise_full_test PROPERTIES LABELS "property;heavy;long" TIMEOUT 3600 ENVIRONMENT CWTCH_PIR_FULL=1)
