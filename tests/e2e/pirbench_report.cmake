# The report in a browser, and against a second implementation of its curves; both by a program that makes lines and reports.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_executable(report_fixture ${PROJECT_SOURCE_DIR}/tests/support/report_fixture.cpp)
target_compile_options(report_fixture PRIVATE ${optimise_little})
target_link_libraries(report_fixture PRIVATE cwtch::pirbench cwtch::pirbench_report nlohmann_json::nlohmann_json)
add_test(NAME pirbench_report_browser
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/pirbench_report.py $<TARGET_FILE:report_fixture>)
set_tests_properties(pirbench_report_browser PROPERTIES LABELS e2e TIMEOUT 300 SKIP_RETURN_CODE 77)
