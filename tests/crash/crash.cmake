# The real program, killed and filled up.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(io uring epoll)
  add_test(NAME kill_${io}
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/kill.py $<TARGET_FILE:cwtchd> ${io} 100)
  set_tests_properties(kill_${io} PROPERTIES LABELS crash TIMEOUT 600 SKIP_RETURN_CODE 77)
endforeach()
add_test(NAME full_disk COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/full_disk.py $<TARGET_FILE:cwtchd>)
set_tests_properties(full_disk PROPERTIES LABELS crash TIMEOUT 600 SKIP_RETURN_CODE 77)
