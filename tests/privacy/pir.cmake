# Under valgrind, which knows no AVX-512: with the other kernels, compiled as they ship.
add_executable(pir_constant_time ${CMAKE_CURRENT_LIST_DIR}/pir_constant_time.cpp)
target_include_directories(pir_constant_time PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(pir_constant_time PRIVATE cwtch::pir)
find_program(CWTCH_VALGRIND valgrind)
if(CWTCH_VALGRIND AND NOT CWTCH_SANITIZE)
  set(under_valgrind ${CWTCH_VALGRIND} --quiet --error-exitcode=9 --read-inline-info=no
      --suppressions=${CMAKE_CURRENT_LIST_DIR}/pir.supp)
endif()
add_test(NAME pir_constant_time COMMAND ${under_valgrind} $<TARGET_FILE:pir_constant_time>)
add_test(NAME pir_constant_time_avx2 COMMAND ${under_valgrind} $<TARGET_FILE:pir_constant_time>)
add_test(NAME pir_constant_time_canary COMMAND ${under_valgrind} $<TARGET_FILE:pir_constant_time> canary)
set_tests_properties(pir_constant_time pir_constant_time_avx2 pir_constant_time_canary PROPERTIES
                     LABELS privacy TIMEOUT 300 SKIP_RETURN_CODE 77 ENVIRONMENT CWTCH_KERNEL=scalar)
set_tests_properties(pir_constant_time_canary PROPERTIES PASS_REGULAR_EXPRESSION "depends on uninitialised value")
set_tests_properties(pir_constant_time_avx2 PROPERTIES ENVIRONMENT CWTCH_KERNEL=avx2)
