find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(io uring epoll)
  add_test(NAME client_e2e_${io} COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/client_e2e.py $<TARGET_FILE:cwtchd> $<TARGET_FILE:cwtchc> ${io})
  # The demo, small: what it promises is compared inside it.
  add_test(NAME demo_small_${io} COMMAND replay --cwtchd $<TARGET_FILE:cwtchd> --groups 2 --io ${io} --shards 2)
  set_tests_properties(client_e2e_${io} demo_small_${io} PROPERTIES LABELS e2e TIMEOUT 300)
endforeach()
add_test(NAME metadata COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/privacy/metadata.py $<TARGET_FILE:cwtchd> $<TARGET_FILE:cwtchc>)
set_tests_properties(metadata PROPERTIES LABELS privacy TIMEOUT 300)
