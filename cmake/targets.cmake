# What takes time when a program or a test runs is in the libraries. A third to a half of the time in which its own files
# compile is the optimiser's, so tests, what reads options, and with sanitizers all of a program are left to less of it.
# g++ needs -O1 to warn.
if(CWTCH_SANITIZE)
  set(optimise_little -O0)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(optimise_little -O1)
endif()

# What a target is compiled with, by its kind: library, throwing (a library with exceptions), program, test.
function(cwtch_kind_options name kind)
  if(kind STREQUAL "library")
    target_compile_options(${name} PRIVATE -fno-exceptions)
  elseif(kind STREQUAL "test" OR (kind STREQUAL "program" AND CWTCH_SANITIZE))
    target_compile_options(${name} PRIVATE ${optimise_little})
  endif()
endfunction()

# Headers that many files include are parsed once per kind, by a target that has nothing else. A source includes what it
# needs all the same: preset dev builds without this. CLI11 is not among them: a file that has it compiles its constants
# anew, in 4 s.
set(headers <algorithm> <array> <atomic> <cstring> <deque> <functional> <map> <memory> <optional> <span> <string>
            <string_view> <vector> <tl/expected.hpp>)
set(headers_throwing <nlohmann/json.hpp>)
set(headers_program <nlohmann/json.hpp>)
set(headers_test <filesystem> <fstream> <set> <thread> <gmock/gmock.h>)
foreach(kind library throwing program test)
  add_library(cwtch_headers_${kind} OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cmake/nothing.cpp)
  target_precompile_headers(cwtch_headers_${kind} PRIVATE ${headers} ${headers_${kind}})
  target_link_libraries(cwtch_headers_${kind} PRIVATE tl::expected nlohmann_json::nlohmann_json)
  cwtch_kind_options(cwtch_headers_${kind} ${kind})
  if(kind MATCHES "program|test")  # like an executable's, not like a library's
    set_target_properties(cwtch_headers_${kind} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(cwtch_headers_${kind} PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE})
  endif()
endforeach()
if(CWTCH_TESTS)
  target_link_libraries(cwtch_headers_test PRIVATE GTest::gmock)
endif()

# cwtch_compile_as(test log_test)
function(cwtch_compile_as kind name)
  cwtch_kind_options(${name} ${kind})
  target_precompile_headers(${name} REUSE_FROM cwtch_headers_${kind})
endfunction()

# cwtch_library(log SOURCES appender.cpp ... LINKS cwtch::core)   one library per folder; LINKS is its whole world
function(cwtch_library name)
  cmake_parse_arguments(ARG "EXCEPTIONS" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  if(ARG_SOURCES)
    add_library(cwtch_${name} STATIC ${ARG_SOURCES})
    target_include_directories(cwtch_${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(cwtch_${name} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
    if(ARG_EXCEPTIONS)
      cwtch_compile_as(throwing cwtch_${name})
    else()
      cwtch_compile_as(library cwtch_${name})
    endif()
  else()
    add_library(cwtch_${name} INTERFACE)
    target_include_directories(cwtch_${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(cwtch_${name} INTERFACE ${ARG_LINKS})
  endif()
  add_library(cwtch::${name} ALIAS cwtch_${name})
endfunction()

# cwtch_program(cwtchd SOURCES main.cpp ... LINKS cwtch::server)
function(cwtch_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  cwtch_compile_as(program ${name})
  # It reads the options; clang takes a precompiled header only at the level of optimisation that it was made at.
  set_source_files_properties(main.cpp PROPERTIES COMPILE_OPTIONS "${optimise_little}" SKIP_PRECOMPILE_HEADERS ON)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  if(TARGET mimalloc AND NOT CWTCH_SANITIZE)
    target_link_libraries(${name} PRIVATE mimalloc)
  endif()
endfunction()

# What the TSan build needs: the tests labelled threads, and the programs that they start.
add_custom_target(thread_tests)

# cwtch_test(log_segment_test LABELS unit SOURCES ... LINKS ...)   one ctest entry per program; gtest cases inside it
function(cwtch_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  cwtch_compile_as(test ${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gmock_main)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(thread_tests ${name})
  endif()
endfunction()

# cwtch_fuzzer(fuzz_record SOURCES ... LINKS ...)   libFuzzer target; corpus in tests/fuzz/corpus/NAME
function(cwtch_fuzzer name)
  if(NOT CWTCH_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} -fsanitize=fuzzer)
endfunction()
