cwtch_test(pirbench_report_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pirbench_report_line_test.cpp ${CMAKE_CURRENT_LIST_DIR}/pirbench_report_page_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/pirbench_report_figures_test.cpp
  LINKS cwtch::pirbench cwtch::pirbench_report nlohmann_json::nlohmann_json PkgConfig::libsodium)
