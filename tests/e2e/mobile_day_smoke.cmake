# A mobile client's day against a real server, small: needs a server as fast as a release build's.
if(TARGET mobile_day_bench)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME mobile_day_smoke COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/mobile_day_smoke.py
           $<TARGET_FILE:mobile_day_bench>)
  set_tests_properties(mobile_day_smoke PROPERTIES LABELS e2e TIMEOUT 600)
endif()
