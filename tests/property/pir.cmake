cwtch_test(pir_conformance_test LABELS property heavy TIMEOUT 900
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_conformance_test.cpp ${CMAKE_CURRENT_LIST_DIR}/pir_merge_test.cpp
  LINKS cwtch::pir)
# By the kernels that this processor does not choose, in CPU-seconds: the whole suite takes 220 by scalar and 28 by AVX2;
# without the cases that make many databases of `ring32` by slow transforms 20 and 10. tests/toy runs all of them, by
# every kernel's scan and packing. A processor without AVX2 skips. Sanitizers see every kernel in scan_test and ring_test.
if(NOT CWTCH_SANITIZE)
  set(dear *EveryChoice*/ring32:*StaticsAlone*/ring32)
  set(dear_scalar ${dear}:*WhateverTheShape/ring32:*SizesFollow*/ring32:*Memory*/ring32:*Threads*/ring32:*Blobs*/ring32)
  string(APPEND dear_scalar :*CheckIsCheap/ring32:*CannotSaySo/ring32)
  set(dear_avx2 ${dear})
  foreach(kernel scalar avx2)
    foreach(length "" _full)
      set(name pir_conformance_${kernel}${length}_test)
      add_test(NAME ${name} COMMAND pir_conformance_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
      set_tests_properties(${name} PROPERTIES LABELS property TIMEOUT 900 SKIP_RETURN_CODE 77
                           ENVIRONMENT "CWTCH_KERNEL=${kernel};GTEST_FILTER=-${dear_${kernel}}")
    endforeach()
    set_tests_properties(${name} PROPERTIES LABELS "property;heavy;long" TIMEOUT 3600 ENVIRONMENT CWTCH_KERNEL=${kernel})
  endforeach()
endif()
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
