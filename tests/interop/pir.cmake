# A second implementation of the lattice schemes, in Python, as judge of the first.
add_executable(pir_half ${CMAKE_CURRENT_LIST_DIR}/pir_half.cpp)
target_include_directories(pir_half PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(pir_half PRIVATE cwtch::pir)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME pir_reference COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/pir_reference.py $<TARGET_FILE:pir_half>)
set_tests_properties(pir_reference PROPERTIES LABELS interop TIMEOUT 300)
