# The whole server over real sockets and files, once per back end.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(io uring epoll)
  add_test(NAME server_smoke_${io}
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/server_smoke.py $<TARGET_FILE:cwtchd> ${io})
  set_tests_properties(server_smoke_${io} PROPERTIES LABELS e2e TIMEOUT 300 SKIP_RETURN_CODE 77)
  add_test(NAME server_index_${io}
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/server_index.py $<TARGET_FILE:cwtchd> ${io})
  set_tests_properties(server_index_${io} PROPERTIES LABELS e2e TIMEOUT 300 SKIP_RETURN_CODE 77)
  add_test(NAME server_damage_${io}
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/server_damage.py $<TARGET_FILE:cwtchd> ${io})
  set_tests_properties(server_damage_${io} PROPERTIES LABELS e2e TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
