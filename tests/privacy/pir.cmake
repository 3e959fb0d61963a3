# Two judges of constant time, each shown to catch a branch and an address.
#
# valgrind, which knows no AVX-512: the other kernels, compiled as they ship.
add_executable(pir_constant_time ${CMAKE_CURRENT_LIST_DIR}/pir_constant_time.cpp)
target_include_directories(pir_constant_time PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(pir_constant_time PRIVATE cwtch::pir)
find_program(CWTCH_VALGRIND valgrind)
if(CWTCH_VALGRIND AND NOT CWTCH_SANITIZE)
  set(under_valgrind ${CWTCH_VALGRIND} --quiet --error-exitcode=9 --suppressions=${CMAKE_CURRENT_LIST_DIR}/pir.supp)
endif()

# cwtch_constant_time(NAME KERNEL COMMAND ...)
function(cwtch_constant_time name kernel)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS privacy TIMEOUT 300 SKIP_RETURN_CODE 77
                       ENVIRONMENT "CWTCH_KERNEL=${kernel};MSAN_OPTIONS=exitcode=9")
endfunction()
cwtch_constant_time(pir_constant_time scalar ${under_valgrind} $<TARGET_FILE:pir_constant_time>)
cwtch_constant_time(pir_constant_time_avx2 avx2 ${under_valgrind} $<TARGET_FILE:pir_constant_time>)
set(canaries "")
foreach(canary branch address)
  cwtch_constant_time(pir_constant_time_${canary} scalar ${under_valgrind} $<TARGET_FILE:pir_constant_time> ${canary})
  list(APPEND canaries pir_constant_time_${canary})
endforeach()

# MemorySanitizer, which only clang has, and which must see all of the code compiled: the libraries' sources once more.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CWTCH_SANITIZE MATCHES "address")
  set(sources ${CMAKE_CURRENT_LIST_DIR}/pir_constant_time.cpp)
  foreach(library cwtch_core cwtch_kernels cwtch_pir)
    get_target_property(files ${library} SOURCES)
    get_target_property(folder ${library} SOURCE_DIR)
    list(TRANSFORM files PREPEND ${folder}/)
    list(APPEND sources ${files})
  endforeach()
  add_executable(pir_constant_time_msan ${sources})
  target_include_directories(pir_constant_time_msan PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(pir_constant_time_msan PRIVATE CWTCH_MEMORY_SANITIZER)
  target_compile_options(pir_constant_time_msan PRIVATE -fno-sanitize=all -fsanitize=memory -fno-sanitize-recover=all
                         -fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/pir_msan.txt)
  target_link_options(pir_constant_time_msan PRIVATE -fno-sanitize=all -fsanitize=memory
                      -Wl,--wrap=crypto_stream_chacha20_ietf)
  target_link_libraries(pir_constant_time_msan PRIVATE tl::expected OpenSSL::Crypto PkgConfig::libsodium)
  foreach(kernel scalar avx2 avx512)
    cwtch_constant_time(pir_constant_time_msan_${kernel} ${kernel} pir_constant_time_msan)
  endforeach()
  foreach(canary branch address)
    cwtch_constant_time(pir_constant_time_msan_${canary} scalar pir_constant_time_msan ${canary})
    list(APPEND canaries pir_constant_time_msan_${canary})
  endforeach()
endif()
set_tests_properties(${canaries} PROPERTIES PASS_REGULAR_EXPRESSION
                     "depends on uninitialised value|Use of uninitialised value|use-of-uninitialized-value")
