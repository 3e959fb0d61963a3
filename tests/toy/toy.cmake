# Private retrieval and its kernels once more, in a ring of degree 32: small databases cost so little there that all
# there is can be tried. Transforms by vectors exist for the real degree alone.
if(CWTCH_SANITIZE)  # compiling it takes a minute; the same code is in pir_hostile_test, scan_test and ring_test
  return()
endif()
set(toy_sources ${CMAKE_CURRENT_LIST_DIR}/ring_targets.cpp)
foreach(library kernels pir)
  get_target_property(sources cwtch_${library} SOURCES)
  get_target_property(folder cwtch_${library} SOURCE_DIR)
  list(FILTER sources EXCLUDE REGEX "^ring_(avx|targets)")
  list(TRANSFORM sources PREPEND ${folder}/)
  list(APPEND toy_sources ${sources})
endforeach()
cwtch_library(pir_toy SOURCES ${toy_sources} LINKS cwtch::core cwtch::log PRIVATE_LINKS PkgConfig::libsodium)
target_compile_definitions(cwtch_pir_toy PUBLIC CWTCH_TOY_DEGREE_LOG2=5)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # as in kernels/CMakeLists.txt
  target_compile_options(cwtch_pir_toy PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
endif()

cwtch_test(pir_toy_test LABELS property TIMEOUT 900
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_toy_test.cpp ${CMAKE_CURRENT_LIST_DIR}/linked_test.cpp
  LINKS cwtch::pir_toy)
set(property ${PROJECT_SOURCE_DIR}/tests/property)
cwtch_test(pir_conformance_toy_test LABELS property TIMEOUT 900
  SOURCES ${property}/pir_conformance_test.cpp ${property}/pir_merge_test.cpp ${property}/pir_hostile_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/linked_test.cpp
  LINKS cwtch::pir_toy)
foreach(kernel scalar avx2)  # of scan and packing
  add_test(NAME pir_conformance_toy_${kernel}_test COMMAND pir_conformance_toy_test
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(pir_conformance_toy_${kernel}_test PROPERTIES LABELS property TIMEOUT 900 SKIP_RETURN_CODE 77
                       ENVIRONMENT "CWTCH_KERNEL=${kernel};GTEST_FILTER=*PirConformance*:*PirMerge*")
endforeach()

# The whole archive: all of it comes before cwtch::pir, of which nothing is then taken. CPU-seconds per seed: 0.8 for
# each kind of visit, a fifth of what the real ring takes. simplepir has more work here than there.
cwtch_test(client_two_worlds_toy_test LABELS privacy TIMEOUT 900
  SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/client_two_worlds_test.cpp ${CMAKE_CURRENT_LIST_DIR}/linked_test.cpp
  LINKS "$<LINK_LIBRARY:WHOLE_ARCHIVE,cwtch::pir_toy>" cwtch::client cwtch::sim nlohmann_json::nlohmann_json
        OpenSSL::Crypto)
set_tests_properties(client_two_worlds_toy_test PROPERTIES ENVIRONMENT "CWTCH_SEEDS=5;GTEST_FILTER=*/ring32:Toy.*")
add_test(NAME client_two_worlds_toy_full_test COMMAND client_two_worlds_toy_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(client_two_worlds_toy_full_test PROPERTIES LABELS "privacy;long" TIMEOUT 7200
                     ENVIRONMENT "CWTCH_SEEDS=1000;GTEST_FILTER=*/ring32:Toy.*")
