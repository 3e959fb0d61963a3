# A second implementation of a mobile client's day, as judge of the report's curves.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME mobile_day COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/mobile_day.py $<TARGET_FILE:report_fixture>)
set_tests_properties(mobile_day PROPERTIES LABELS interop TIMEOUT 120)
