cwtch_test(http_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/http_request_test.cpp ${CMAKE_CURRENT_LIST_DIR}/http_routes_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/http_answer_test.cpp
  LINKS cwtch::http fmt::fmt nlohmann_json::nlohmann_json)
