# Private retrieval and its kernels once more, in a ring of degree 32: what takes a second at degree 1,024 takes a
# millisecond, so that all there is can be tried. Transforms by vectors exist for the real degree alone.
set(toy_sources ${CMAKE_CURRENT_LIST_DIR}/ring_targets.cpp)
foreach(library kernels pir)
  get_target_property(sources cwtch_${library} SOURCES)
  list(FILTER sources EXCLUDE REGEX "^ring_(avx|targets)")
  list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/${library}/)
  list(APPEND toy_sources ${sources})
endforeach()
cwtch_library(pir_toy SOURCES ${toy_sources} LINKS cwtch::core cwtch::log PRIVATE_LINKS PkgConfig::libsodium)
target_compile_definitions(cwtch_pir_toy PUBLIC CWTCH_TOY_DEGREE_LOG2=5)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # as in kernels/CMakeLists.txt
  target_compile_options(cwtch_pir_toy PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
endif()

cwtch_test(pir_toy_test LABELS property heavy TIMEOUT 900
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pir_toy_test.cpp ${CMAKE_CURRENT_LIST_DIR}/linked_test.cpp
  LINKS cwtch::pir_toy)
add_test(NAME pir_toy_heights_test COMMAND pir_toy_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(pir_toy_heights_test PROPERTIES LABELS property TIMEOUT 900 ENVIRONMENT GTEST_FILTER=*EveryHeight*)
